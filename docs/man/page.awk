# Writes mayfly.1 and mayfly.3: awk -f roff.awk -f page.awk PAGE.in LISTING
#
# PAGE.in is roff with what roff.awk allows for, and @list: the commands of LISTING, the
# help, or the pages of headers in the order of LISTING, mayfly.h.

BEGIN { title(page, section) }

FNR == 1 { file++ }

file == 1 { line[++lines] = $0 }

file == 2 && section == 1 && /^  [a-z-]+  +[a-zA-Z]/ {
    term = $1
    sub(/^  [a-z-]+  +/, "")
    list = list ".TP\n.BR mayfly\\-" code_line(term) " (1)\n" text_line($0) "\n"
}
file == 2 && section == 3 && /^ \*   [a-z_]+\.h +/ {
    term = $2
    sub(/\.h$/, "", term)
    sub(/^ \*   [a-z_]+\.h +/, "")
    list = list ".TP\n.BR mayfly_" term " (3)\n" text_line($0) "\n"
}

END {
    for (i = 1; i <= lines; i++) {
        if (line[i] == "@list")
            printf "%s", list
        else
            written_line(line[i])
    }
}
