# Writes C that defines mf_kernel_header: each input file as a list of byte values,
# known as mayfly/ and its last part. Comments become nothing; lines stay.

BEGIN {
    for (i = 1; i < 256; i++)
        code[sprintf("%c", i)] = i
    print "/* Made by compiler/kernel/headers.awk. */"
    print "#include \"compiler/kernel/codec.h\"\n"
    print "#include <string.h>\n"
}

FNR == 1 {
    if (n++)
        print "0 };\n"
    name[n] = FILENAME
    sub(/.*\//, "mayfly/", name[n])
    printf "static const char text%d[] = {\n", n
    inside = 0
}

{
    rest = $0
    line = ""
    while (rest != "") {
        if (inside) {
            at = index(rest, "*/")
            if (!at)
                break
            rest = substr(rest, at + 2)
            inside = 0
        } else {
            at = index(rest, "/*")
            if (!at) {
                line = line rest
                break
            }
            line = line substr(rest, 1, at - 1)
            rest = substr(rest, at + 2)
            inside = 1
        }
    }
    sub(/[ \t]+$/, "", line)
    for (i = 1; i <= length(line); i++)
        printf "%d,", code[substr(line, i, 1)]
    print "10,"
}

END {
    print "0 };\n"
    print "const char *mf_kernel_header(const char *include_name, size_t *ret_len)\n{"
    print "    static const struct {"
    print "        const char *name;"
    print "        const char *text;"
    print "        size_t len;"
    print "    } headers[] = {"
    for (i = 1; i <= n; i++)
        printf "        { \"%s\", text%d, sizeof(text%d) - 1 },\n", name[i], i, i
    print "    };\n"
    print "    for (size_t i = 0; i < sizeof(headers) / sizeof(headers[0]); i++) {"
    print "        if (strcmp(include_name, headers[i].name) != 0)"
    print "            continue;"
    print "        *ret_len = headers[i].len;"
    print "        return headers[i].text;"
    print "    }"
    print "    return NULL;\n}"
}
