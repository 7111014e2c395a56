# Reads a public header: awk -f roff.awk -f headers.awk -f header_page.awk error.h X.h
#
# The header is the reference; header_page.awk turns what is read here into its manual
# page. error.h comes first for the names of the errors.
#
# What is found: essay, the first comment; items 1 to `items`, in the header's order,
# each a comment (item_text) with the declarations right below it (line_of,
# item_lines), a heading "--- ... ---" (is_heading), or a comment by itself; functions
# and all_names; see, the headers that it includes; rows of a table of errors.

BEGIN {
    n = split(header_names, list, " ")
    for (i = 1; i <= n; i++)
        headers[list[i]] = 1
}

FNR == 1 { file++ }

file == 1 {
    if ($0 ~ /^ *X\(E[A-Z]+, /) {
        word = $1
        gsub(/X\(|,/, "", word)
        codes[word] = 1
    }
    next
}

# An item is a comment with the declarations right below it.
function new_item() {
    items++
    item_text[items] = pending
    item_lines[items] = 0
    pending = ""
}

function close_comment() {
    if (!has_essay) {
        essay = pending
        has_essay = 1
        pending = ""
    } else if (pending ~ /^--- /) {
        # "--- proxies ---", perhaps with text below
        rest = pending
        if (!sub(/^[^\n]*\n[ \n-]*/, "", rest))
            rest = ""
        sub(/\n.*/, "", pending)
        new_item()
        gsub(/^-+ | *-*$/, "", item_text[items])
        is_heading[items] = 1
        pending = rest
    } else if (pending ~ /^clang-format/) {
        pending = ""
    }
    commented = pending != ""
}

function comment_line(s, is_last) {
    if (is_last)
        sub(/ *\*\/.*$/, "", s)
    sub(/^ ?\* ?/, "", s)
    sub(/ +$/, "", s)
    pending = pending == "" && s == "" ? "" : pending s "\n"
    if (is_last) {
        sub(/\n+$/, "", pending)
        close_comment()
    }
}

function add_line(s) {
    item_lines[items]++
    line_of[items, item_lines[items]] = s
}

# The name that a declaration gives; fills in what it is.
function name_of(text,    head) {
    kind = "type"
    if (text ~ /^#define/) {
        kind = "macro"
        match(text, /[A-Za-z_0-9]+/)
        head = substr(text, 9)
        match(head, /^[A-Za-z_0-9]+/)
        return substr(head, 1, RLENGTH)
    }
    if (text ~ /^MAYFLY_ARRAY_OF/) {
        head = text
        sub(/^.*, /, "", head)
        sub(/\).*$/, "", head)
        return head
    }
    if (text ~ /^typedef [^{]*\(\*/) {
        match(text, /\(\*[a-z_0-9]+\)/)
        return substr(text, RSTART + 2, RLENGTH - 3)
    }
    if (text ~ /^typedef/) {
        match(text, /[A-Za-z_0-9]+;[^;]*$/)
        head = substr(text, RSTART)
        sub(/;.*/, "", head)
        return head
    }
    if (text ~ /^(enum|struct) /) {
        gsub(/[{,]/, " ", text)
        split(text, part, " ")
        return part[2]
    }
    kind = "function"
    head = text
    sub(/\(.*$/, "", head)
    match(head, /[a-z_0-9]+$/)
    return substr(head, RSTART, RLENGTH)
}

function end_declaration(    name) {
    name = name_of(declared)
    # a macro belongs to the type above it
    if (!(kind == "macro" && !commented && items && !is_heading[items]) &&
        !(glued && !commented && items && !is_heading[items] && kind_of[items] == kind))
        new_item()
    else if (kind == "macro")
        is_macro_too[items] = 1
    if (item_lines[items] && kind != kind_of[items])
        add_line("")
    if (!(items in kind_of))
        kind_of[items] = kind
    n_declared = split(declared, part, "\n")
    for (i = 1; i <= n_declared; i++)
        add_line(part[i])
    if (name != "") {
        names_of[items] = names_of[items] == "" ? name : names_of[items] ", " name
        if (kind != "macro")
            all_names[++n_names] = name
        if (kind == "function") {
            is_function[items] = 1
            functions[++n_functions] = name
        }
    }
    declared = ""
    commented = 0
    glued = 1
}

{ sub(/[ \t]+$/, "") }

in_comment {
    comment_line($0, $0 ~ /\*\//)
    in_comment = $0 !~ /\*\//
    next
}

# the body of an inline function, of a macro
in_body {
    if ($0 ~ /^}/)
        in_body = 0
    next
}
in_macro {
    if ($0 ~ /X\(E?[A-Z]+, -?[0-9]+, "/) {
        row = $0
        sub(/^ *X\(/, "", row)
        sub(/\) *\\?$/, "", row)
        rows[++n_rows] = row
    }
    in_macro = $0 ~ /\\$/
    next
}

declared == "" && /^[ ]*\/\*/ {
    if (commented) # a comment by itself is text
        new_item()
    glued = 0
    line = $0
    sub(/^ *\/\* */, "", line)
    if (line ~ /\*\//) {
        comment_line(line, 1)
    } else {
        in_comment = 1
        if (line != "")
            comment_line(line, 0)
    }
    next
}

declared == "" && /^$/ {
    if (commented) {
        new_item()
        commented = 0
    }
    glued = 0
    next
}

/^#(ifdef|if) / || /^#ifndef/ {
    if (started)
        depth_if++
    started = 1
    pending = "" # of the choice, not of what is chosen
    commented = 0
    next
}
/^#endif/ { depth_if--; next }
/^#include <mayfly\// {
    name = $2
    gsub(/<mayfly\/|\.h>/, "", name)
    see[++n_see] = "mayfly_" name
    next
}
depth_if > 0 { next }
/^#define MAYFLY_[A-Z]+_H$/ { next }
declared == "" && /^#define/ {
    # a constant whole, others by their head
    line = $0
    in_macro = line ~ /\\$/
    if (line ~ /^#define [A-Za-z_0-9]+\(/) {
        match(line, /\([^)]*\)/)
        line = substr(line, 1, RSTART + RLENGTH - 1)
    } else {
        sub(/ *\\$/, "", line)
    }
    declared = line
    if (line !~ /_END_|_$/)
        end_declaration()
    else
        declared = ""
    next
}
/^#/ { next }
/^MAYFLY_(BEGIN|END)$/ { next }
declared == "" && /^struct [a-z_]+;/ { next } # only made known

{
    # what stands behind a declaration is its comment
    if (declared == "" && $0 ~ /^MAYFLY_API.*; *\/\*.*\*\/$/) {
        match($0, /\/\*.*\*\/$/)
        pending = substr($0, RSTART + 3, RLENGTH - 6)
        commented = 1
        $0 = substr($0, 1, RSTART - 2)
    }
    if ($0 ~ /^    MAYFLY_[A-Z]+\(.*\)$/ && declared ~ /enum/)
        next # rows of a table
    declared = declared == "" ? $0 : declared "\n" $0
    open = declared
    gsub(/\/\*([^*]|\*+[^*\/])*\*+\//, "", open)
    closed = open
    opens = gsub(/{/, "", open)
    closes = gsub(/}/, "", closed)
    if (declared ~ /^static inline/ && $0 == "{") {
        sub(/\n{$/, ";", declared)
        in_body = 1
        end_declaration()
    } else if (opens == closes && open ~ /; *$/) {
        end_declaration()
    }
}
