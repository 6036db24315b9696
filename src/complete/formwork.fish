# Completions of formwork for fish. Write this to ~/.config/fish/completions/formwork.fish:
#   formwork completion fish > ~/.config/fish/completions/formwork.fish
complete -c formwork -f -a '(formwork __complete fish (commandline -cp) 2>/dev/null)'
