#compdef hivemind
# Completion of `hivemind` in zsh. In ~/.zshrc, behind compinit:  source <(hivemind completion zsh)
# It asks the program itself, so it knows the verbs and options of the version that is installed.
_hivemind() {
  local line="${(j: :)words[1,CURRENT]}"
  local -a known
  known=("${(@f)$(hivemind "[suggest:${#line}]" "$line" 2>/dev/null)}")
  compadd -a known || _files
}
compdef _hivemind hivemind
