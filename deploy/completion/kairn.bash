# kairn.bash - completion of kairn's commands, options and names in bash.
#
# The words come from kairn itself, the names of topics, groups and brokers from the cluster that
# the line or $KAIRN_BOOTSTRAP names, if it answers soon.
_kairn() {
    local line=${COMP_LINE:0:COMP_POINT} words word answer before=

    read -ra words <<< "$line"
    [[ $line == *[[:space:]] ]] && words+=("")
    word=${words[${#words[@]} - 1]}
    COMPREPLY=()
    answer=$("${words[0]}" completion words -- "${words[@]:1}" 2> /dev/null) || return
    # What is replaced begins behind the last of these, as bash breaks words at them.
    [[ $COMP_WORDBREAKS == *[:=]* ]] && before=${word%"${word##*[:=]}"}
    if [ "$answer" = @files ]; then
        compopt -o filenames 2> /dev/null
        mapfile -t COMPREPLY < <(compgen -f -- "${word#"$before"}")
    elif [ -n "$answer" ]; then
        mapfile -t COMPREPLY <<< "$answer"
        COMPREPLY=("${COMPREPLY[@]#"$before"}")
    fi
}
complete -F _kairn kairn
