# bash completion for emergency-collect
_emergency_collect() {
  local current=${COMP_WORDS[COMP_CWORD]} previous=${COMP_WORDS[COMP_CWORD-1]} command="" word
  for word in "${COMP_WORDS[@]:1:COMP_CWORD-1}"; do
    case $word in collect|show|verify|diff|checklist|stacks|doctor|runbook|list|symbolize|profile|store) command=$word; break ;; esac
  done
  case $previous in
    -p|--pid) COMPREPLY=($(compgen -W "$(cd /proc && echo [0-9]*)" -- "$current")); return ;;
    --name) COMPREPLY=($(compgen -W "$(cat /proc/[0-9]*/comm 2>/dev/null | sort -u)" -- "$current")); return ;;
    --format) COMPREPLY=($(compgen -W "tar.zst tar.gz zip" -- "$current")); return ;;
    --stacks) COMPREPLY=($(compgen -W "auto consistent no-stop kernel none" -- "$current")); return ;;
    --progress) COMPREPLY=($(compgen -W "auto plain json none" -- "$current")); return ;;
    --pull) COMPREPLY=($(compgen -W "trace deltas goroutineleak goroutine-full native-cpu" -- "$current")); return ;;
    --bearer-env) COMPREPLY=($(compgen -e -- "$current")); return ;;
    --endpoint) COMPREPLY=($(compgen -W "auto none http:// https:// unix:/" -- "$current")); return ;;
    --only|--skip) COMPREPLY=($(compgen -W "$(emergency-collect list 2>/dev/null | awk 'NR>1 && /^[a-z]/ {print $1}')" -- "$current")); return ;;
    --core|--exe|--ca|--bearer-file) COMPREPLY=($(compgen -f -- "$current")); return ;;
    --runbooks|--debug-dir|--store) COMPREPLY=($(compgen -d -- "$current")); return ;;
    --baseline) COMPREPLY=($(compgen -f -W "last-good" -- "$current")); return ;;
    -o|--output) COMPREPLY=($(compgen -f -- "$current")); return ;;
  esac
  case $command in
    show|verify|diff) COMPREPLY=($(compgen -f -W "--list --reanalyse --runbooks --baseline --store" -- "$current")) ;;
    runbook) COMPREPLY=($(compgen -W "list show $(emergency-collect runbook list 2>/dev/null | awk '{print $1}')" -- "$current")) ;;
    checklist) COMPREPLY=($(compgen -W "--pid --name --unit --port --endpoint --help" -- "$current")) ;;
    stacks) COMPREPLY=($(compgen -W "--pid --name --unit --port --stacks --max-pause --restart-eintr --no-lines --debug-dir --deadline --help $(cd /proc && echo [0-9]*)" -- "$current")) ;;
    symbolize) COMPREPLY=($(compgen -f -W "--exe -e --debug-dir --debuginfod --output --deadline -o -f -i -C -a -s -p --help" -- "$current")) ;;
    profile)
      case " ${COMP_WORDS[*]:2:COMP_CWORD-2} " in
        *\ top\ *|*\ tree\ *|*\ peek\ *|*\ diff\ *|*\ folded\ *|*\ flame\ *|*\ goroutines\ *|*\ merge\ *|*\ convert\ *)
          COMPREPLY=($(compgen -f -W "--debug-dir --base --diff-base --sample-index --focus --ignore --hide --show --tagfocus --tagignore --cum --nodecount --nodefraction --unit --json --output --help" -- "$current")) ;;
        *) COMPREPLY=($(compgen -W "top tree peek diff folded flame goroutines merge convert --help" -- "$current")) ;;
      esac ;;
    doctor) COMPREPLY=($(compgen -W "--pid --name --unit --port --output --help" -- "$current")) ;;
    store) COMPREPLY=($(compgen -f -W "list put get rm gc --store --json --output --max-age --max-count --max-size --dry-run --help" -- "$current")) ;;
    list) ;;
    *)
      local words="--pid --name --unit --port --core --exe --output --format --endpoint --pull --header --bearer-file --bearer-env --ca --insecure-skip-verify --profile-seconds --stacks --max-pause --restart-eintr --no-lines --jvm-attach --samples --every --baseline --keep --store --numa-maps --debug-dir --debuginfod
        --only --skip --deadline --no-redact --runbooks --quiet --progress --help --version"
      [ -n "$command" ] || words="$words collect show verify diff checklist stacks doctor runbook list symbolize profile store"
      COMPREPLY=($(compgen -W "$words" -- "$current")) ;;
  esac
}
complete -o filenames -o bashdefault -F _emergency_collect emergency-collect
