/*
 * words: counts words, as many at a time as there are files.
 *
 *     mayfly run samples/run/words.c [-n MOST] FILE...
 *
 * Plain C for any compiler: nothing in it knows of mayfly. It is here to be run
 * without being built: one thread per file, a table that grows, a handler that
 * prints at exit.
 */
#include <ctype.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { WORD_MAX = 64, FILES_MAX = 16 };

typedef struct word {
    char text[WORD_MAX];
    unsigned long count;
} word;

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static word *words;
static size_t n_words, room;
static unsigned long total;
static int failed;

/* Open addressing: the place of a word, or the free one where it belongs. */
static word *place(word *table, size_t size, const char *text)
{
    size_t at = 5381;
    for (const char *c = text; *c; c++)
        at = at * 33 + (unsigned char)*c;
    while (table[at % size].count && strcmp(table[at % size].text, text) != 0)
        at++;
    return &table[at % size];
}

static int grow(void)
{
    size_t size = room ? room * 2 : 64;
    word *larger = calloc(size, sizeof *larger);
    if (!larger)
        return -1;
    for (size_t i = 0; i < room; i++)
        if (words[i].count)
            *place(larger, size, words[i].text) = words[i];
    free(words);
    words = larger;
    room = size;
    return 0;
}

static void add(const char *text)
{
    pthread_mutex_lock(&lock);
    if (n_words * 2 < room || grow() == 0) {
        word *w = place(words, room, text);
        if (!w->count++) {
            strcpy(w->text, text);
            n_words++;
        }
        total++;
    } else {
        failed = 1;
    }
    pthread_mutex_unlock(&lock);
}

static void *count_file(void *name)
{
    FILE *f = fopen(name, "r");
    char text[WORD_MAX];
    size_t len = 0;
    int c;
    if (!f) {
        perror(name);
        failed = 1;
        return NULL;
    }
    do {
        c = getc(f);
        if (c != EOF && isalpha(c)) {
            if (len < WORD_MAX - 1)
                text[len++] = (char)tolower(c);
        } else if (len) {
            text[len] = '\0';
            add(text);
            len = 0;
        }
    } while (c != EOF);
    fclose(f);
    return NULL;
}

/* The most frequent first, those of the same count by name. */
static int compare(const void *a, const void *b)
{
    const word *x = a, *y = b;
    if (x->count != y->count)
        return x->count < y->count ? 1 : -1;
    return strcmp(x->text, y->text);
}

static void print_total(void)
{
    printf("%7lu words, %zu different\n", total, n_words);
    free(words);
}

int main(int argc, char **argv)
{
    pthread_t threads[FILES_MAX];
    size_t most = 5;
    int first = 1, n = 0;
    if (argc > 2 && strcmp(argv[1], "-n") == 0) {
        most = strtoul(argv[2], NULL, 10);
        first = 3;
    }
    if (first >= argc || argc - first > FILES_MAX) {
        fprintf(stderr, "usage: %s [-n MOST] FILE...\n", argv[0]);
        return 2;
    }
    atexit(print_total);
    for (int i = first; i < argc; i++) {
        if (pthread_create(&threads[n], NULL, count_file, argv[i]) == 0)
            n++;
        else
            failed = 1;
    }
    for (int i = 0; i < n; i++)
        pthread_join(threads[i], NULL);
    if (words)
        qsort(words, room, sizeof *words, compare);
    for (size_t i = 0; i < room && i < most && words[i].count; i++)
        printf("%7lu %s\n", words[i].count, words[i].text);
    return failed;
}
