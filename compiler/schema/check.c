/* compiler/schema/check.c */
#include "compiler/schema/build.h"
void mf_check_file(mf_build *b, mf_draft_file *file)
{
    (void)b;
    (void)file;
}
