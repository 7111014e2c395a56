# Writes the manual page of what headers.awk has read.
#
# The header's first comment is the description; what follows is shown in the header's
# order. The names that lead to this page are written to `aliases`, one a line. `example`
# is a program to show, `output` what it prints, `extra` the page's further sections, see
# roff.awk.
#
# What is told apart in a comment: paragraphs; "- " lists; "  term   text" tables; code,
# indented by four.

# The lines of a function without what is not for readers, parameters in italics.
function prototype(i,    j, s, out, word, cut) {
    cut = 0
    for (j = 1; j <= item_lines[i]; j++) {
        s = line_of[i, j]
        if (s ~ /^MAYFLY_API /) {
            sub(/^MAYFLY_API /, "", s)
            cut = 11
        } else if (s ~ /^static inline /) {
            sub(/^static inline /, "", s)
            cut = 14
        } else if (s ~ /^ *MAYFLY_PRINTF\(/) {
            sub(/ *MAYFLY_PRINTF\([^)]*\)/, "", s)
            if (s == ";")
                continue
        } else if (cut && substr(s, 1, cut) ~ /^ +$/) {
            s = substr(s, cut + 1)
        }
        if (j < item_lines[i] && line_of[i, j + 1] ~ /MAYFLY_PRINTF/)
            s = s ";"
        s = code_line(s)
        out = ""
        while (match(s, /[ *][a-z_0-9]+[,)\[]/)) {
            word = substr(s, RSTART + 1, RLENGTH - 2)
            out = out substr(s, 1, RSTART)
            out = out (word == "void" ? word : "\\fI" word "\\fB")
            s = substr(s, RSTART + RLENGTH - 1)
        }
        print "\\fB" out s "\\fR"
    }
}

function declaration(i,    j) {
    begin_code("declaration")
    for (j = 1; j <= item_lines[i]; j++)
        print code_line(line_of[i, j])
    end_code()
}

function end_list() {
    if (mode == "code")
        end_code()
    mode = ""
}

# The text of a comment.
function write_text(text,    n, i, s, indent, part, term, at) {
    n = split(text, part, "\n")
    mode = "begin"
    for (i = 1; i <= n; i++) {
        s = part[i]
        match(s, /^ */)
        indent = RLENGTH
        if (s == "") {
            if (mode == "code" && part[i + 1] ~ /^    /) {
                print ""
                continue
            }
            end_list()
            mode = "begin"
        } else if ((mode == "table" || mode == "list") && indent >= column - 1) {
            print text_line(substr(s, indent + 1))
        } else if (indent >= 4 && mode != "table" && mode != "list") {
            if (mode != "code") {
                end_list()
                begin_code("fragment")
                mode = "code"
            }
            print code_line(substr(s, 5))
        } else if (s ~ /^ *- /) {
            end_list()
            mode = "list"
            column = indent + 2
            print ".IP \\(bu 2"
            print text_line(substr(s, indent + 3))
        } else if (indent >= 2 && match(s, /[^ ]  +[^ ]/)) {
            end_list()
            mode = "table"
            at = RSTART
            column = RSTART + RLENGTH - 1
            term = substr(s, indent + 1, at - indent)
            print ".TP"
            print "\\fB" code_line(term) "\\fR"
            print text_line(substr(s, column))
        } else {
            if (mode == "code" || mode == "table" || mode == "list")
                end_list()
            if (match(s, /(^|\. |; )Errors( of all functions)?:/)) {
                at = RSTART + (substr(s, RSTART, 1) == "E" ? 0 : 2)
                if (at > 1)
                    print_text(substr(s, 1, at - 1))
                print ".PP"
                term = substr(s, at)
                match(term, /^[^:]*:/)
                print ".B " substr(term, 1, RLENGTH)
                mode = "text"
                s = substr(term, RLENGTH + 1)
                sub(/^ /, "", s)
                if (s == "")
                    continue
            }
            print_text(s)
        }
    }
    end_list()
}

function print_text(s) {
    if (mode != "text")
        print ".PP"
    mode = "text"
    sub(/^ +/, "", s)
    sub(/ +$/, "", s)
    print text_line(s)
}

# Takes the paragraph on threads out of a text, and the first line.
function read_essay(    n, i, part, in_threads, s) {
    n = split(essay, part, "\n")
    purpose = part[1]
    sub(/^[^:]*: */, "", purpose)
    i = 2
    for (; i <= n && part[i] != ""; i++)
        purpose = purpose " " part[i]
    sub(/\.$/, "", purpose)
    essay = ""
    for (i++; i <= n; i++) {
        s = part[i]
        if (s ~ /^Threads: /) {
            in_threads = 1
            sub(/^Threads: /, "", s)
            s = toupper(substr(s, 1, 1)) substr(s, 2)
        }
        if (in_threads && s == "")
            in_threads = 0
        if (in_threads)
            threads = threads s "\n"
        else
            essay = essay s "\n"
    }
    sub(/\n+$/, "", essay)
    sub(/\n+$/, "", threads)
}

function write_error_codes(    i, part, text) {
    for (i = 1; i <= n_rows; i++) {
        split(rows[i], part, ", ")
        text = rows[i]
        sub(/^[^"]*"/, "", text)
        sub(/"$/, "", text)
        print ".TP"
        print "\\fBMAYFLY_" part[1] "\\fR (\\" part[2] ")"
        print text_line(text)
    }
}

function write_example(    line, text, show, done) {
    print ".SH EXAMPLES"
    # its first comment says what it shows
    while ((getline line < example) > 0) {
        if (line ~ /^\/\*/) {
            sub(/^\/\* ?/, "", line)
        }
        done = line ~ /\*\//
        sub(/ *\*\/.*$/, "", line)
        sub(/^ \* ?/, "", line)
        text = text line "\n"
        if (done)
            break
    }
    sub(/^\n+/, "", text)
    sub(/\n+$/, "", text)
    write_text(text)
    begin_code("program")
    done = 0
    while ((getline line < example) > 0) {
        if (line != "" || done)
            print code_line(line)
        done = 1
    }
    close(example)
    end_code()
    if (output != "") {
        print ".PP"
        print "It prints:"
        show_file(output, "output")
    }
}

END {
    if (commented)
        new_item()
    read_essay()
    title(page, 3)
    print ".SH NAME"
    printf "%s", page
    for (i = 1; i <= n_functions; i++)
        if (functions[i] != page)
            printf ",\n%s", functions[i]
    print " \\-"
    print text_line(purpose)
    print ".SH LIBRARY"
    print "mayfly (\\fI\\-lmayfly\\fR, or \\fIpkg\\-config \\-\\-cflags \\-\\-libs mayfly\\fR)"
    print ".SH SYNOPSIS"
    print ".nf"
    header = page
    sub(/^mayfly_/, "", header)
    print ".B #include <mayfly/" header ".h>"
    for (i = 1; i <= items; i++) {
        if (is_function[i]) {
            print ".PP"
            prototype(i)
        }
    }
    print ".fi"
    print ".SH DESCRIPTION"
    write_text(essay)
    for (i = 1; i <= items; i++) {
        if (is_heading[i]) {
            print ".SS " toupper(substr(item_text[i], 1, 1)) substr(item_text[i], 2)
            continue
        }
        if (item_lines[i] == 0) {
            write_text(item_text[i])
            continue
        }
        print ".SS " names_of[i]
        if (is_function[i]) {
            print ".nf"
            prototype(i)
            print ".fi"
        } else {
            declaration(i)
        }
        if (item_text[i] != "")
            write_text(item_text[i])
        if (names_of[i] ~ /MAYFLY_ERRORS/)
            write_error_codes()
    }
    if (threads != "") {
        print ".SH THREADS"
        write_text(threads)
    }
    if (returns_codes()) {
        print ".SH RETURN VALUE"
        print "Functions that take a \\fBmayfly_error\\fR return 0, or one of the negative codes that"
        print "are named with each, and fill the error in. What they store through \\fIret_\\fR"
        print "parameters is stored on success only. See \\fBmayfly_error\\fR(3)."
    }
    if (example != "")
        write_example()
    if (extra != "")
        while ((getline line < extra) > 0)
            written_line(line)
    print ".SH SEE ALSO"
    printf ".BR mayfly (3)"
    for (i = 1; i <= n_see; i++)
        if (see[i] != page)
            printf ",\n.BR %s (3)", see[i]
    print ""
    for (i = 1; i <= n_names; i++)
        if (aliases != "" && all_names[i] != page && all_names[i] ~ /^mayfly_/)
            print all_names[i] > aliases
}

function returns_codes(    i, j) {
    for (i = 1; i <= items; i++)
        for (j = 1; is_function[i] && j <= item_lines[i]; j++)
            if (line_of[i, j] ~ /mayfly_error \*err/)
                return page != "mayfly_error"
    return 0
}
