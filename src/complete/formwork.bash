# Completions of formwork for Bash. Put this into ~/.bashrc:
#   source <(formwork completion bash)
_formwork() {
    local candidate
    COMPREPLY=()
    while IFS= read -r candidate; do
        COMPREPLY+=("$candidate")
    done < <("$1" __complete bash "${COMP_LINE:0:COMP_POINT}" 2>/dev/null)
    # What is to be gone on with gets no space behind it.
    case "${COMPREPLY[*]}" in
        *= | */) compopt -o nospace 2>/dev/null ;;
    esac
}
complete -o nosort -F _formwork formwork 2>/dev/null || complete -F _formwork formwork
