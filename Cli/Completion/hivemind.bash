# Completion of `hivemind` in bash. In ~/.bashrc:  source <(hivemind completion bash)
# It asks the program itself, so it knows the verbs and options of the version that is installed.
_hivemind() {
  local word
  COMPREPLY=()
  while IFS= read -r word; do
    COMPREPLY+=("$word")
  done < <(compgen -W "$(hivemind "[suggest:${COMP_POINT}]" "${COMP_LINE}" 2>/dev/null)" -- "${COMP_WORDS[COMP_CWORD]}")
}
complete -o bashdefault -o default -F _hivemind hivemind
