# From the sorted symbols of the relinked libtcc: where each of its functions
# begins, and what kind of memory that function asks for. Functions of one kind in
# a row are one entry.
BEGIN {
    set("MF_KIND_SECTIONS", "section_realloc new_section get_sym_attr " \
        "tccelf_new tccelf_end_file")
    set("MF_KIND_SYMBOLS", "mf_hook_sym_push2 mf_libtcc_sym_push2")
    set("MF_KIND_POOLS", "tal_realloc_impl tccpp_new")
    set("MF_KIND_CSTRINGS", "cstr_cat cstr_ccat cstr_printf cstr_wccat " \
        "mf_libtcc_get_tok_str next_nomacro1 parse_string mf_hook_cstr_cat " \
        "mf_libtcc_cstr_cat")
    # These jump on to the pools' allocator, which jumps on to ours.
    set("MF_KIND_MACROS", "tok_str_add tok_str_add2 tok_str_add_tok tok_str_dup " \
        "tok_str_realloc tok_str_alloc parse_define macro_subst macro_subst_tok")
    set("MF_KIND_TOKENS", "tok_alloc_new")
    set("MF_KIND_INCLUDES", "tcc_open_bf search_cached_include preprocess " \
        "tcc_add_file_internal")
    set("MF_KIND_PARSER", "block decl0 sym_copy parse_asm_operands mf_libtcc_gfunc_call ")
    set("MF_KIND_STATE", "mf_tcc_new tcc_split_path tcc_set_lib_path " \
        "args_parser_make_argv args_parser_add_file tcc_parse_args")
    last = "MF_KIND_OTHER"
}
function set(kind, names,    n, i, a) {
    n = split(names, a, " ")
    for (i = 1; i <= n; i++)
        kinds[a[i]] = kind
}
$2 ~ /^[tTW]$/ {
    name = $3
    sub(/\.(isra|part|constprop|cold)\..*$/, "", name)
    if (name == "mf_libtcc_text")
        next
    kind = (name in kinds) ? kinds[name] : "MF_KIND_OTHER"
    if (kind != last)
        printf "{ 0x%s, %s },\n", substr($1, 9), kind
    last = kind
}
