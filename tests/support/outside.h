/*
 * tests/support/outside.h: a process as the kernel shows it to others.
 *
 * What a process tells of itself may be wrong in the same way as what it does.
 * A test of memory that is given back therefore runs itself as a child and
 * reads that one's /proc; child and parent meet through two pipes.
 *
 * Pages of a program that was linked a moment ago count as dirty until they are
 * written to the disk: call outside_settle_program first.
 */
#ifndef TESTS_SUPPORT_OUTSIDE_H
#define TESTS_SUPPORT_OUTSIDE_H

#include <sys/types.h>

typedef struct reading {
    long dirty_kib;  /* private dirty */
    long mapped_kib; /* memory files: what is mapped of them, */
    long file_kib;   /* and the pages of those that are open */
    long mappings;
    long descriptors;
    long threads;
} reading;

/* 0, or -1 when the process cannot be read. Takes no heap that stays. */
int outside_read(pid_t pid, reading *ret);

/* Writes this program's file to the disk. */
void outside_settle_program(void);

/* Children that begin from now on have a malloc without caches of its threads. Those
 * keep a few blocks of each size, each of which may keep a page: some hundred KiB
 * that come and go with what was freed last, and are not what is looked for. */
void outside_plain_malloc(void); /* for all that follow */

/* The child's: a stack's pages stay once they were used, and those that parsing
 * needs are not what is looked for. */
void outside_use_stack(void);

/* The child's side of a meeting: tells the parent and waits to go on. Ends the
 * process when the parent is gone. */
void outside_meet(void);

typedef struct outside_child {
    pid_t pid;
    int to, from; /* pipes: its standard input and output */
} outside_child;

/* Runs this program again with the given arguments (argv, with argv[0] and a
 * NULL at the end). 0 or -1. */
int outside_start(char *const *arguments, outside_child *ret);

/* The parent's side of a meeting: waits for the child's byte; lets it go on.
 * 0, or -1 when the child is gone. */
int outside_wait(const outside_child *c);
int outside_go_on(const outside_child *c);

/* Closes the pipes and waits for the child's end. Returns its status as waitpid
 * tells it. */
int outside_finish(const outside_child *c);

#endif
