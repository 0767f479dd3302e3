/* A resolver that says what a test wants, and another thing the next time.
 *
 * Loaded into the server's process before the C library. It answers for names that end in .rebind.test from
 * the file named by ONWARD_RESOLVER: each line has the addresses of one answer, in turn, and the last line
 * those of every later one. Each answer appends a line to the same file with ".asked" after its name. Every
 * other name is the C library's matter. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <netdb.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { LINE = 1024, PATH_LENGTH = 4096 };

typedef int resolve(const char *, const char *, const struct addrinfo *, struct addrinfo **);

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static long answers;

static int is_ours(const char *name)
{
    static const char ending[] = ".rebind.test";
    size_t length = name == NULL ? 0 : strlen(name), end = sizeof ending - 1;
    return length > end && strcmp(name + length - end, ending) == 0;
}

/* The next answer's line; whether there is one. */
static int next_line(const char *path, char line[LINE])
{
    char asked[PATH_LENGTH];
    FILE *file = fopen(path, "re");
    if (file == NULL)
        return 0;
    int found = 0;
    for (long number = 0; number <= answers && fgets(line, LINE, file) != NULL; number++)
        found = 1;
    fclose(file);
    answers++;
    snprintf(asked, sizeof asked, "%s.asked", path);
    if ((file = fopen(asked, "ae")) == NULL)
        return 0;
    fputs("asked\n", file);
    fclose(file);
    return found;
}

int getaddrinfo(const char *name, const char *service, const struct addrinfo *hints, struct addrinfo **result)
{
    resolve *real = (resolve *)dlsym(RTLD_NEXT, "getaddrinfo");
    const char *path = getenv("ONWARD_RESOLVER");
    char line[LINE];
    if (path == NULL || !is_ours(name))
        return real(name, service, hints, result);
    pthread_mutex_lock(&lock);
    int found = next_line(path, line);
    pthread_mutex_unlock(&lock);
    if (!found)
        return EAI_NONAME;
    struct addrinfo **end = result;
    char *rest = line;
    *end = NULL;
    for (char *address; (address = strtok_r(rest, " \n", &rest)) != NULL;) {
        int failed = real(address, service, hints, end);
        if (failed != 0)
            return failed;
        /* Each node is freed by itself. */
        while (*end != NULL)
            end = &(*end)->ai_next;
    }
    return *result == NULL ? EAI_NONAME : 0;
}
