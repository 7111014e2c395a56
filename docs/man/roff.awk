# What the writers of manual pages share: text to roff.
#
# Needs: headers["host"] for each public header, codes["EINVAL"] for each error code,
# docdir, where docs/ is installed.
#
# What is written by hand is roff with
#     @session ... @end        commands and what they print, run by the test
#     @show WHAT FILE          a file: a program, its output, a source, part of a project
#     @DOCDIR@                 where docs/ is installed

# A line of code, as it stands.
function code_line(s) {
    gsub(/\\/, "\\e", s)
    gsub(/-/, "\\-", s)
    gsub(/'/, "\\(aq", s)
    gsub(/`/, "\\(ga", s)
    gsub(/\^/, "\\(ha", s)
    gsub(/~/, "\\(ti", s)
    return s ~ /^[.]/ ? "\\&" s : s
}

function marked(word) {
    if (word in codes)
        return "\\fBMAYFLY_" word "\\fR"
    if (word ~ /^(mayfly|MAYFLY)_[A-Za-z0-9_]+$/)
        return "\\fB" word "\\fR"
    return word
}

# Text of a comment or of a help: names in bold, `parameters` and *terms* in italics,
# context.h as the page it has become.
function text_line(s,    out, at, word, name, rest) {
    gsub(/\\/, "\\e", s)
    while (match(s, /`[^`]+`/)) {
        word = substr(s, RSTART + 1, RLENGTH - 2)
        s = substr(s, 1, RSTART - 1) "\001" word "\002" substr(s, RSTART + RLENGTH)
    }
    while (match(s, /\*[a-z][a-z ]*[a-z]\*/)) {
        word = substr(s, RSTART + 1, RLENGTH - 2)
        s = substr(s, 1, RSTART - 1) "\001" word "\002" substr(s, RSTART + RLENGTH)
    }
    out = ""
    while (match(s, /[A-Za-z0-9_][A-Za-z0-9_.\/-]*/)) {
        word = substr(s, RSTART, RLENGTH)
        out = out substr(s, 1, RSTART - 1)
        s = substr(s, RSTART + RLENGTH)
        # the full stop behind a word is not its own
        rest = ""
        if (match(word, /[.\/-]+$/)) {
            rest = substr(word, RSTART)
            word = substr(word, 1, RSTART - 1)
        }
        name = word
        sub(/\.h$/, "", name)
        if (name != word && (name in headers))
            out = out "\\fBmayfly_" name "\\fR(3)"
        else if (word ~ /^docs\/[a-z-]+\.md$/)
            out = out "\\fI" docdir "/" substr(word, 6) "\\fR"
        else
            out = out marked(word)
        s = rest s
        if (rest != "") {
            out = out rest
            s = substr(s, length(rest) + 1)
        }
    }
    s = out s
    gsub(/\001/, "\\fI", s)
    gsub(/\002/, "\\fR", s)
    # options and negative numbers have a minus, words a hyphen
    gsub(/--/, "\\-\\-", s)
    if (substr(s, 1, 1) == "-")
        s = "\\" s
    gsub(/ -/, " \\-", s)
    gsub(/\(-/, "(\\-", s)
    gsub(/~/, "\\(ti", s)
    gsub(/\^/, "\\(ha", s)
    return s ~ /^[.']/ ? "\\&" s : s
}

# Shown as it is, line by line. `what` tells the test what to do with it: see README.md.
function begin_code(what) {
    print ".PP"
    print ".\\\" " what
    indented = what !~ /^(declaration|program|source)/
    if (indented)
        print ".RS 4"
    print ".EX"
}

function end_code() {
    print ".EE"
    if (indented)
        print ".RE"
}

function title(name, section) {
    printf ".TH %s %s \"%s\" \"mayfly %s\" \"%s\"\n", toupper(name), section, date, \
        version, section == 1 ? "mayfly" : "mayfly: library"
    print ".nr HY 0"
    print ".nh"
    print ".ad l"
}

function show_file(path, what,    line) {
    begin_code(what)
    while ((getline line < path) > 0)
        print code_line(line)
    close(path)
    end_code()
}

# One line of what was written by hand.
function written_line(s,    word) {
    if (in_session) {
        if (s == "@end")
            end_code()
        else
            print code_line(s)
        in_session = s != "@end"
    } else if (s == "@session") {
        begin_code("session")
        in_session = 1
    } else if (s ~ /^@show /) {
        split(s, word, " ")
        if (word[2] == "source") # by its name
            word[2] = "source " substr(word[3], match(word[3], /[^\/]*$/))
        show_file(word[3], word[2])
    } else {
        gsub(/@DOCDIR@/, docdir, s)
        print s
    }
}
