/* A disk that fails when a test says so.
 *
 * Loaded into the server's process before the C library, it stands between SQLite and the system. It
 * touches only the database named by ONWARD_FAULTY_DATABASE, its -wal and its -shm (and, for a
 * read-only disk, whatever is opened in that folder); everything else passes through.
 *
 * The file named by ONWARD_DISK_FAULTS steers it. Its first RECORD bytes say
 *     MODE FILES COUNT MILLISECONDS NUMBER
 * MODE is one of the words below; FILES is any, db or wal; COUNT is how often to fail, 0 for always;
 * NUMBER differs from one order to the next. How often it has failed since then is written after them. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

enum { RECORD = 64, PATH_LENGTH = 4096 };

/* What a call is about to do to the file. */
enum call { WRITE, FLUSH, RESIZE };

struct order {
    char mode[24];
    char files[8];
    long count;
    long milliseconds;
    long number;
};

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static int control = -1;
static char database[PATH_LENGTH];
static long number = -1, left, failed;

__attribute__((constructor)) static void begin(void)
{
    const char *path = getenv("ONWARD_DISK_FAULTS"), *name = getenv("ONWARD_FAULTY_DATABASE");
    if (path == NULL || name == NULL || strlen(name) >= sizeof database)
        return;
    strcpy(database, name);
    control = (int)syscall(SYS_openat, AT_FDCWD, path, O_RDWR | O_CLOEXEC);
}

/* The order in force; whether there is one. */
static int read_order(struct order *order)
{
    char text[RECORD + 1] = {0};
    if (control < 0 || syscall(SYS_pread64, control, text, RECORD, 0L) != RECORD)
        return 0;
    int read = sscanf(text, "%23s %7s %ld %ld %ld", order->mode, order->files, &order->count,
                      &order->milliseconds, &order->number);
    return read == 5 && strcmp(order->mode, "none") != 0;
}

/* Whether a path is one of the files that the order is about. */
static int concerns(const struct order *order, const char *path)
{
    size_t length = strlen(database);
    if (strncmp(path, database, length) != 0)
        return 0;
    const char *rest = path + length;
    if (strcmp(order->files, "db") == 0)
        return *rest == '\0';
    if (strcmp(order->files, "wal") == 0)
        return strcmp(rest, "-wal") == 0;
    return *rest == '\0' || strcmp(rest, "-wal") == 0 || strcmp(rest, "-shm") == 0;
}

/* Takes one of the order's failures, and counts it for the test. */
static int take(const struct order *order)
{
    pthread_mutex_lock(&lock);
    if (order->number != number) {
        number = order->number;
        left = order->count;
        failed = 0;
    }
    int taken = order->count == 0 || left > 0;
    if (taken) {
        left--;
        char text[RECORD + 1];
        snprintf(text, sizeof text, "%-*ld", RECORD, ++failed);
        syscall(SYS_pwrite64, control, text, RECORD, (long)RECORD);
    }
    pthread_mutex_unlock(&lock);
    return taken;
}

static int is(const struct order *order, const char *mode)
{
    return strcmp(order->mode, mode) == 0;
}

static void pause_for(long milliseconds)
{
    struct timespec time = {milliseconds / 1000, milliseconds % 1000 * 1000000};
    nanosleep(&time, NULL);
}

/* The errno with which a call is to fail, 0 to let it through. `end` is how long the file has to be
 * afterwards. */
static int fault(int fd, enum call call, off_t end)
{
    struct order order;
    char link[64], path[PATH_LENGTH];
    if (!read_order(&order))
        return 0;
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    ssize_t length = readlink(link, path, sizeof path - 1);
    if (length < 0)
        return 0;
    path[length] = '\0';
    if (!concerns(&order, path))
        return 0;
    struct stat now;
    int grows = fstat(fd, &now) == 0 && end > now.st_size;
    if (is(&order, "full") && (call == WRITE || (call == RESIZE && grows)) && take(&order))
        return ENOSPC;
    if (is(&order, "full-to-grow") && call != FLUSH && grows && take(&order))
        return ENOSPC;
    if (is(&order, "eio-write") && call != FLUSH && take(&order))
        return EIO;
    if (is(&order, "read-only") && take(&order))
        return EROFS;
    if (is(&order, "eio-flush") && call == FLUSH && take(&order))
        return EIO;
    if (is(&order, "slow") && call == FLUSH && take(&order))
        pause_for(order.milliseconds);
    if (is(&order, "flushed-but-eio") && call == FLUSH && take(&order)) {
        syscall(SYS_fsync, fd);
        return EIO;
    }
    return 0;
}

/* The C library's own function of that name. */
#define NEXT(type, name)                                                                             \
    static type next;                                                                                \
    if (next == NULL)                                                                                \
        next = (type)dlsym(RTLD_NEXT, name)

#define FAIL_IF(error)                                                                               \
    do {                                                                                             \
        int with = (error);                                                                          \
        if (with != 0) {                                                                             \
            errno = with;                                                                            \
            return -1;                                                                               \
        }                                                                                            \
    } while (0)

typedef ssize_t (*write_at)(int, const void *, size_t, off_t);
typedef int (*flush)(int);
typedef int (*resize)(int, off_t);
typedef int (*open_file)(const char *, int, ...);

#define WRITE_AT(name)                                                                               \
    ssize_t name(int fd, const void *from, size_t length, off_t at)                                  \
    {                                                                                                \
        NEXT(write_at, #name);                                                                       \
        FAIL_IF(fault(fd, WRITE, at + (off_t)length));                                               \
        return next(fd, from, length, at);                                                           \
    }

#define FLUSHES(name)                                                                                \
    int name(int fd)                                                                                 \
    {                                                                                                \
        NEXT(flush, #name);                                                                          \
        FAIL_IF(fault(fd, FLUSH, 0));                                                                \
        return next(fd);                                                                             \
    }

#define RESIZES(name)                                                                                \
    int name(int fd, off_t length)                                                                   \
    {                                                                                                \
        NEXT(resize, #name);                                                                         \
        FAIL_IF(fault(fd, RESIZE, length));                                                          \
        return next(fd, length);                                                                     \
    }

/* On a read-only disk nothing in the database's folder opens for writing, or only the named file does
 * not. */
static int open_fault(const char *path, int flags)
{
    struct order order;
    const char *name = strrchr(database, '/');
    if ((flags & (O_ACCMODE | O_CREAT)) == O_RDONLY || name == NULL || !read_order(&order) ||
        !is(&order, "read-only"))
        return 0;
    int is_there = strcmp(order.files, "any") == 0
                       ? strncmp(path, database, (size_t)(name - database) + 1) == 0
                       : concerns(&order, path);
    return is_there && take(&order) ? EROFS : 0;
}

#define OPENS(name)                                                                                  \
    int name(const char *path, int flags, ...)                                                       \
    {                                                                                                \
        NEXT(open_file, #name);                                                                      \
        va_list rest;                                                                                \
        va_start(rest, flags);                                                                       \
        unsigned mode = (flags & (O_CREAT | O_TMPFILE)) != 0 ? va_arg(rest, unsigned) : 0;           \
        va_end(rest);                                                                                \
        FAIL_IF(open_fault(path, flags));                                                            \
        return next(path, flags, mode);                                                              \
    }

WRITE_AT(pwrite)
WRITE_AT(pwrite64)
FLUSHES(fsync)
FLUSHES(fdatasync)
RESIZES(ftruncate)
RESIZES(ftruncate64)
OPENS(open)
OPENS(open64)
