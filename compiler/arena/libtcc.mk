# Relinks the system's libtcc.a into one object that reaches nothing outside of
# mayfly. Every allocation, file, exit, lock and look-up goes to an mf_hook_
# function (outside.c, hooks.c, includes.c), its mutable state sits in two sections
# of their own names so that it can be reset, its API is called mf_tcc_*, and no
# other name of it stays visible, so a host's own libtcc can be linked beside it.
#
# Defines LIBTCC_OBJ, which the Makefile adds to LIB_OBJS, and KINDS_H, the table by which
# the census knows which part of libtcc asked for a block.

LIBTCC_A := $(shell $(CC) -print-file-name=libtcc.a 2> /dev/null)
LIBTCC_DIR = $(BUILD)/compiler/arena/libtcc
LIBTCC_OBJ = $(BUILD)/compiler/arena/mf_libtcc.o
KINDS_H = $(BUILD)/gen/mf_tcc_kinds.h

LIBTCC_API = tcc_new tcc_set_error_func tcc_set_options tcc_set_output_type \
  tcc_add_sysinclude_path tcc_add_file tcc_relocate tcc_get_symbol \
  tcc_list_symbols

# What every member calls outside of the archive.
LIBTCC_OUT = malloc calloc realloc free exit open read close lseek mprotect \
  sem_init sem_wait sem_post dlopen dlsym dlclose qsort getenv stdout stderr \
  environ fclose fdopen fflush fputc fputs fwrite getcwd localtime time unlink \
  putchar puts sigaction sigemptyset strtof strtod strtold __assert_fail \
  __fprintf_chk __printf_chk __vfprintf_chk __isoc99_sscanf __longjmp_chk \
  __memcpy_chk __memmove_chk __snprintf_chk __sprintf_chk __vsnprintf_chk \
  __stack_chk_fail

# Definitions of libtcc's that are left out for ours: weak after this, and called
# by return address.
LIBTCC_OVER = tcc_malloc tcc_mallocz tcc_realloc tcc_strdup dynarray_add

# What may stay undefined: functions of libc that touch their arguments only.
LIBTCC_PURE = _GLOBAL_OFFSET_TABLE_ __errno_location _setjmp ldexp memcmp memcpy \
  memmove memset strchr strcmp strcpy strlen strrchr strstr strtol strtoul \
  strtoull

LIBTCC_FLAGS = \
  $(foreach s,$(LIBTCC_API),--redefine-sym $(s)=mf_$(s)) \
  $(foreach s,$(LIBTCC_OUT),--redefine-sym $(s)=mf_hook_$(s:__%=%)) \
  $(foreach s,$(LIBTCC_OVER),--redefine-sym $(s)=mf_hook_$(s)) \
  --redefine-sym next=mf_libtcc_next --redefine-sym tok=mf_libtcc_tok \
  --redefine-sym skip=mf_libtcc_skip --redefine-sym unget_tok=mf_libtcc_unget_tok \
  --redefine-sym sym_push=mf_hook_sym_push --redefine-sym sym_push2=mf_hook_sym_push2 \
  --redefine-sym vtop=mf_libtcc_vtop --redefine-sym gexpr=mf_libtcc_gexpr \
  --redefine-sym gv=mf_libtcc_gv --redefine-sym _tcc_warning=mf_libtcc_warning \
  --redefine-sym get_tok_str=mf_libtcc_get_tok_str --redefine-sym greloca=mf_hook_greloca \
  --redefine-sym preprocess_start=mf_libtcc_preprocess_start \
  --redefine-sym section_add=mf_libtcc_section_add \
  --redefine-sym sym_pop=mf_libtcc_sym_pop \
  --redefine-sym global_stack=mf_libtcc_global_stack

LIBTCC_KEEP = $(LIBTCC_API:%=mf_%) $(LIBTCC_OVER:%=mf_hook_%) mf_libtcc_text \
  mf_libtcc_next mf_libtcc_tok mf_libtcc_skip mf_libtcc_unget_tok mf_libtcc_sym_push mf_libtcc_sym_push2 \
  mf_hook_sym_push mf_hook_sym_push2 mf_libtcc_vtop \
  mf_libtcc_gexpr mf_libtcc_gv mf_libtcc_warning mf_libtcc_get_tok_str mf_hook_greloca \
  mf_libtcc_greloca mf_libtcc_gfunc_call mf_libtcc_gfunc_prolog mf_libtcc_preprocess_start \
  mf_libtcc_section_add mf_libtcc_cstr_cat mf_hook_cstr_cat \
  mf_libtcc_sym_pop mf_libtcc_global_stack

$(LIBTCC_OBJ): $(LIBTCC_A) compiler/arena/libtcc.mk
	@rm -rf $(LIBTCC_DIR) && mkdir -p $(LIBTCC_DIR)
	@cd $(LIBTCC_DIR) && $(AR) x $(LIBTCC_A)
	@# Each token, and each macro that is expanded, is a place to stop at.
	@for o in tccgen tccasm i386-asm; do \
	  $(OBJCOPY) --redefine-sym next=mf_hook_next --redefine-sym skip=mf_hook_skip \
	    --redefine-sym unget_tok=mf_hook_unget_tok $(LIBTCC_DIR)/$$o.o; done
	@$(OBJCOPY) --redefine-sym gexpr=mf_hook_asm_operand $(LIBTCC_DIR)/tccasm.o
	@# A type error is the end: going on with a struct that is taken for a number
	@# makes values that are of nothing, and crashes.
	@$(OBJCOPY) --redefine-sym _tcc_error_noabort=_tcc_error $(LIBTCC_DIR)/tccgen.o
	@set -e; cd $(LIBTCC_DIR); \
	at() { nm $$1 | awk -v f=$$2 '$$3 == f { print "0x" $$1 }'; }; \
	$(OBJCOPY) --redefine-sym section_add=mf_hook_section_add \
	  --add-symbol mf_libtcc_sym_push=.text:$$(at tccgen.o sym_push),global,function \
	  --add-symbol mf_libtcc_sym_push2=.text:$$(at tccgen.o sym_push2),global,function \
	  --add-symbol mf_libtcc_greloca=.text:$$(at tccgen.o greloca),global,function \
	  --weaken-symbol sym_push --weaken-symbol sym_push2 \
	  --weaken-symbol greloca --redefine-sym gfunc_call=mf_hook_gfunc_call \
	  --redefine-sym gfunc_prolog=mf_hook_gfunc_prolog tccgen.o; \
	$(OBJCOPY) --redefine-sym gfunc_call=mf_libtcc_gfunc_call \
	  --redefine-sym gfunc_prolog=mf_libtcc_gfunc_prolog x86_64-gen.o; \
	$(OBJCOPY) $(LIBTCC_OVER:%=--weaken-symbol %) \
	  --redefine-sym preprocess_start=mf_hook_preprocess_start \
	  --redefine-sym cstr_printf=mf_hook_define libtcc.o; \
	$(OBJCOPY) --redefine-sym tcc_set_options=mf_hook_pragma_option \
	  --add-symbol mf_libtcc_cstr_cat=.text:$$(at tccpp.o cstr_cat),global,function \
	  --weaken-symbol cstr_cat tccpp.o; \
	$(OBJCOPY) --redefine-sym memcpy=mf_hook_image_copy \
	  --redefine-sym memset=mf_hook_image_zero \
	  --redefine-sym tcc_add_runtime=mf_hook_add_runtime tccrun.o
	$(LD) -r -o $(LIBTCC_DIR)/all.o $$(ls $(LIBTCC_DIR)/*.o | grep -v /all.o)
	@$(OBJCOPY) --redefine-sym cstr_cat=mf_hook_cstr_cat $(LIBTCC_FLAGS) \
	  --add-symbol mf_libtcc_text=.text:0,global,function \
	  --rename-section .bss=mf_tccbss,alloc \
	  --rename-section .data=mf_tccdata,alloc,load,data,contents \
	  $(LIBTCC_DIR)/all.o $(LIBTCC_DIR)/renamed.o
	@left=$$(nm -u $(LIBTCC_DIR)/renamed.o | awk '{ print $$2 }' | \
	  grep -v '^mf_hook_' | grep -vxF "$$(printf '%s\n' $(LIBTCC_PURE))"); \
	if [ -n "$$left" ]; then \
	  echo "libtcc.a reaches outside by" $$left >&2; exit 1; fi
	@$(OBJCOPY) $(LIBTCC_KEEP:%=--keep-global-symbol %) --strip-debug \
	  $(LIBTCC_DIR)/renamed.o $@

$(KINDS_H): $(LIBTCC_OBJ) compiler/arena/kinds.awk
	@mkdir -p $(@D)
	@nm -n $(LIBTCC_DIR)/renamed.o | awk -f compiler/arena/kinds.awk > $@.tmp
	@mv $@.tmp $@

$(BUILD)/compiler/arena/hooks.o: $(KINDS_H)
