# Writes the manual page of a command: awk -f roff.awk -f help.awk HELP
#
# HELP is what `mayfly CMD --help` prints and the one source of synopsis, description
# and options. `extra` is written by hand: the sections that follow them, see roff.awk.
# Where it has no EXAMPLES, the help's own is shown.

BEGIN {
    n = split(header_names, list, " ")
    for (i = 1; i <= n; i++)
        headers[list[i]] = 1
    title("mayfly-" command, 1)
    print ".SH NAME"
    print "mayfly-" command " \\- " text_line(summary)
    print ".SH SYNOPSIS"
}

# --- the help -----------------------------------------------------------------------

# A word of the usage line: what is typed in bold, the rest in italics.
function usage_word(s) {
    if (s ~ /^(mayfly|[a-z]+|--?[A-Za-z-]+)$/)
        return "\\fB" code_line(s) "\\fR"
    if (match(s, /[A-Z]+/))
        return code_line(substr(s, 1, RSTART - 1)) "\\fI" substr(s, RSTART, RLENGTH) \
            "\\fR" code_line(substr(s, RSTART + RLENGTH))
    return code_line(s)
}

function usage(s,    n, i, part, out) {
    n = split(s, part, " ")
    for (i = 1; i <= n; i++)
        out = out (i > 1 ? " " : "") usage_word(part[i])
    print out
}

function section(name) {
    if (current != name)
        print ".SH " name
    current = name
}

function close_code() {
    if (in_code)
        end_code()
    in_code = 0
}

# The term of an option, "-I DIR": what is typed in bold, the rest in italics.
function option_term(s,    n, i, part, out) {
    n = split(s, part, " ")
    for (i = 1; i <= n; i++)
        out = out (i > 1 ? " " : "") \
            (part[i] ~ /^-/ ? "\\fB" code_line(part[i]) "\\fR" : \
             "\\fI" code_line(part[i]) "\\fR")
    return out
}

# What an option does: text, or a row "value   meaning" of its own.
function option_text(s) {
    if (match(s, /  +/) && s ~ /^[a-z]+  /) {
        if (!in_values)
            print "one of\n.RS"
        in_values = 1
        print ".TP"
        print "\\fB" substr(s, 1, RSTART - 1) "\\fR"
        print text_line(substr(s, RSTART + RLENGTH))
    } else {
        print text_line(s)
    }
}

function close_values() {
    if (in_values)
        print ".RE"
    in_values = 0
}

FNR == 1 {
    sub(/^usage: /, "")
    usage($0)
    was_usage = 1
    next
}
was_usage && /^ / {
    sub(/^ +(or: )?/, "")
    if ($1 == "mayfly")
        print ".br"
    usage($0)
    next
}
/^(Example|Examples):/ { in_example = 1; next }
in_example {
    sub(/^  /, "")
    if ($0 != "")
        shown[++n_shown] = $0
    next
}
/^$/ {
    was_usage = 0
    close_code()
    paragraph = 1
    next
}
/^  -/ {
    close_code()
    close_values()
    section("OPTIONS")
    rest = substr($0, 3)
    print ".TP"
    if (match(rest, /  +/)) {
        column = 2 + RSTART + RLENGTH
        print option_term(substr(rest, 1, RSTART - 1))
        option_text(substr(rest, RSTART + RLENGTH))
    } else {
        column = 6
        print option_term(rest)
    }
    in_option = 1
    paragraph = 0
    next
}
in_option && !paragraph && /^      / {
    sub(/^ +/, "")
    option_text($0)
    next
}
{
    close_values()
    # text behind the options belongs to the description, which is written
    if (paragraph && in_option) {
        in_option = 0
        section("NOTES")
    } else if (!in_option) {
        section(current == "" ? "DESCRIPTION" : current)
    }
    if (/^  /) {
        if (!in_code)
            begin_code("declaration")
        in_code = 1
        print code_line($0)
    } else {
        close_code()
        if (paragraph)
            print ".PP"
        print text_line($0)
    }
    paragraph = 0
}

# --- what was written by hand ---------------------------------------------------------

function status() {
    print ".SH EXIT STATUS"
    print "0; 1 after a failure, which is told on standard error, with its place where it has"
    print "one; 2 when the command line is wrong."
}

function extra_sections(    line, has_status) {
    while ((getline line < extra) > 0) {
        if (line == ".SH EXIT STATUS")
            has_status = 1
        if (line == ".SH EXAMPLES") {
            has_examples = 1
            if (!has_status)
                status()
            has_status = 1
        }
        written_line(line)
        if (line == ".SH SEE ALSO") {
            has_see_also = 1
            print ".BR mayfly (1),"
        }
    }
    return has_status
}

END {
    close_code()
    close_values()
    if (extra == "" || !extra_sections())
        status()
    if (!has_examples && n_shown) {
        print ".SH EXAMPLES"
        begin_code("session")
        for (i = 1; i <= n_shown; i++)
            print code_line((i == 1 || shown[i - 1] !~ /[\\|]$/ ? "$ " : "  ") shown[i])
        end_code()
    }
    if (!has_see_also) {
        print ".SH SEE ALSO"
        print ".BR mayfly (1)"
    }
}
