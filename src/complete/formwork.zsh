#compdef formwork
# Completions of formwork for the Z shell. Put this into ~/.zshrc, behind compinit:
#   source <(formwork completion zsh)
_formwork() {
    local -a found going_on
    found=("${(@f)$(formwork __complete zsh "${words[1,CURRENT-1]} ${PREFIX}" 2>/dev/null)}")
    going_on=("${(@M)found:#*[=/]}")
    found=("${(@)found:#*[=/]}")
    compadd -Q -S '' -- "${(@q)going_on:#}"
    compadd -Q -- "${(@q)found:#}"
}
compdef _formwork formwork
