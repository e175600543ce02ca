# Completion of `hivemind` in fish. In ~/.config/fish/config.fish:  hivemind completion fish | source
# It asks the program itself, so it knows the verbs and options of the version that is installed.
function __hivemind_complete
  set -l line (commandline -cp)
  hivemind "[suggest:"(string length -- "$line")"]" "$line" 2>/dev/null
end
complete -c hivemind -a '(__hivemind_complete)'
