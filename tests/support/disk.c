/* A disk that fails when it is told to, and remembers what was written: preloaded into the program by tests/support/disk.rs.
 *
 * Only files below KINGLET_DISK_DIR count. Each kind of operation is counted in the shared file KINGLET_DISK_COUNTS.
 * KINGLET_DISK_FAULT is "kind:nth:errno:lasting": the nth operation of the kind fails; with lasting 1 everything that
 * changes the disk (after a read: every read) fails from then on, until the file KINGLET_DISK_HEALED is there. KINGLET_DISK_RECORD takes a record of
 * every change and every sync, in their order, each before the program hears that it was done. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/types.h>
#include <sys/uio.h>
#include <unistd.h>

enum kind { WRITE, SYNC, TRUNCATE, OPEN, RENAME, MMAP, UNLINK, MKDIR, READ, KINDS };
static const char *const NAMES[KINDS] = {"write", "sync", "truncate", "open", "rename", "mmap", "unlink", "mkdir", "read"};
/* CREATED is told of an open that made the file. */
enum { CREATED = KINDS };

#define FDS_MAX 4096
static struct {
    int counts;
    uint64_t inode;
} files[FDS_MAX];

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static const char *directory;
static size_t directory_length;
static uint64_t spare_counts[KINDS];
static uint64_t *counts = spare_counts;
static const char *healed_path;
static int record = -1;
static int fault_kind = -1, fault_errno, fault_lasts, is_failing;
static uint64_t fault_nth;

__attribute__((constructor)) static void begin(void) {
    directory = getenv("KINGLET_DISK_DIR");
    if (!directory) return;
    directory_length = strlen(directory);
    const char *counts_path = getenv("KINGLET_DISK_COUNTS");
    if (counts_path) {
        int fd = syscall(SYS_openat, AT_FDCWD, counts_path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
        if (fd >= 0 && syscall(SYS_ftruncate, fd, sizeof spare_counts) == 0) {
            void *map = (void *)syscall(SYS_mmap, 0, sizeof spare_counts, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
            if (map != MAP_FAILED) counts = map;
        }
        if (fd >= 0) syscall(SYS_close, fd);
    }
    const char *record_path = getenv("KINGLET_DISK_RECORD");
    if (record_path)
        record = syscall(SYS_openat, AT_FDCWD, record_path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
    healed_path = getenv("KINGLET_DISK_HEALED");
    const char *fault = getenv("KINGLET_DISK_FAULT");
    char name[16];
    unsigned long nth;
    if (fault && sscanf(fault, "%15[a-z]:%lu:%d:%d", name, &nth, &fault_errno, &fault_lasts) == 4) {
        fault_nth = nth;
        for (int kind = 0; kind < KINDS; kind++)
            if (!strcmp(name, NAMES[kind])) fault_kind = kind;
    }
}

static int is_within(const char *path) {
    return directory && path && !strncmp(path, directory, directory_length)
        && (path[directory_length] == '/' || !path[directory_length]);
}

static int is_counted(int fd) {
    return fd >= 0 && fd < FDS_MAX && files[fd].counts;
}

/* Counts an operation and tells whether it fails. With the lock held. */
static int fails(enum kind kind) {
    counts[kind]++;
    if (is_failing && (kind == READ) == (fault_kind == READ)) {
        if (!healed_path || syscall(SYS_faccessat, AT_FDCWD, healed_path, F_OK) != 0) {
            errno = fault_errno;
            return 1;
        }
        is_failing = 0;
        fault_kind = -1;
    }
    if ((int)kind != fault_kind || counts[kind] != fault_nth) return 0;
    /* What is read after the session is held against what was acknowledged. */
    if (kind == READ && healed_path && syscall(SYS_faccessat, AT_FDCWD, healed_path, F_OK) == 0) return 0;
    is_failing = fault_lasts;
    errno = fault_errno;
    return 1;
}

/* With the lock held; errno stays as it is. */
static void tell(uint32_t kind, uint64_t inode, uint64_t offset, const void *data, size_t length) {
    if (record < 0) return;
    int before = errno;
    struct {
        uint64_t kind, inode, offset, length;
    } head = {kind, inode, offset, length};
    struct iovec parts[2] = {{&head, sizeof head}, {(void *)data, length}};
    if (syscall(SYS_writev, record, parts, 2) != (ssize_t)(sizeof head + length)) abort();
    errno = before;
}

static int open_at(int at, const char *path, int flags, mode_t mode) {
    if (!is_within(path)) {
        int fd = syscall(SYS_openat, at, path, flags, mode);
        if (fd >= 0 && fd < FDS_MAX) files[fd].counts = 0;
        return fd;
    }
    pthread_mutex_lock(&lock);
    int fd = -1;
    if (!fails(OPEN)) {
        int is_new = (flags & O_CREAT) && syscall(SYS_faccessat, AT_FDCWD, path, F_OK) != 0;
        fd = syscall(SYS_openat, at, path, flags, mode);
        struct stat found;
        if (fd >= 0 && fd < FDS_MAX && fstat(fd, &found) == 0) {
            files[fd].counts = 1;
            files[fd].inode = found.st_ino;
            tell(is_new ? CREATED : OPEN, found.st_ino, 0, path, strlen(path));
            if (!is_new && (flags & O_TRUNC)) tell(TRUNCATE, found.st_ino, 0, 0, 0);
        }
    }
    pthread_mutex_unlock(&lock);
    return fd;
}

#define MODE_OF(flags, mode)                       \
    mode_t mode = 0;                               \
    if ((flags) & (O_CREAT | O_TMPFILE)) {         \
        va_list more;                              \
        va_start(more, flags);                     \
        mode = va_arg(more, int);                  \
        va_end(more);                              \
    }

int open(const char *path, int flags, ...) {
    MODE_OF(flags, mode)
    return open_at(AT_FDCWD, path, flags, mode);
}
int open64(const char *path, int flags, ...) {
    MODE_OF(flags, mode)
    return open_at(AT_FDCWD, path, flags | O_LARGEFILE, mode);
}
int openat(int at, const char *path, int flags, ...) {
    MODE_OF(flags, mode)
    return open_at(at, path, flags, mode);
}
int openat64(int at, const char *path, int flags, ...) {
    MODE_OF(flags, mode)
    return open_at(at, path, flags | O_LARGEFILE, mode);
}

int close(int fd) {
    if (is_counted(fd)) files[fd].counts = 0;
    return syscall(SYS_close, fd);
}

/* Every other write that fails gets half of it done, as a disk that becomes full does. */
static ssize_t write_at(int fd, const void *data, size_t length, off_t offset) {
    pthread_mutex_lock(&lock);
    ssize_t done = -1;
    if (!fails(WRITE)) {
        done = syscall(SYS_pwrite64, fd, data, length, offset);
        if (done > 0) tell(WRITE, files[fd].inode, offset, data, done);
    } else if (counts[WRITE] % 2 == 0) {
        int before = errno;
        ssize_t half = syscall(SYS_pwrite64, fd, data, length / 2, offset);
        if (half > 0) tell(WRITE, files[fd].inode, offset, data, half);
        errno = before;
    }
    pthread_mutex_unlock(&lock);
    return done;
}

static ssize_t append(int fd, const void *data, size_t length) {
    int flags = syscall(SYS_fcntl, fd, F_GETFL);
    off_t offset = syscall(SYS_lseek, fd, 0, flags & O_APPEND ? SEEK_END : SEEK_CUR);
    ssize_t done = write_at(fd, data, length, offset);
    if (done > 0) syscall(SYS_lseek, fd, offset + done, SEEK_SET);
    return done;
}

ssize_t write(int fd, const void *data, size_t length) {
    return is_counted(fd) ? append(fd, data, length) : syscall(SYS_write, fd, data, length);
}
ssize_t writev(int fd, const struct iovec *parts, int number) {
    if (!is_counted(fd)) return syscall(SYS_writev, fd, parts, number);
    /* A short write is an answer too. */
    for (int part = 0; part < number; part++)
        if (parts[part].iov_len) return append(fd, parts[part].iov_base, parts[part].iov_len);
    return 0;
}
ssize_t pwrite(int fd, const void *data, size_t length, off_t offset) {
    return is_counted(fd) ? write_at(fd, data, length, offset) : syscall(SYS_pwrite64, fd, data, length, offset);
}
ssize_t pwrite64(int fd, const void *data, size_t length, off64_t offset) {
    return is_counted(fd) ? write_at(fd, data, length, offset) : syscall(SYS_pwrite64, fd, data, length, offset);
}

static ssize_t read_at(int fd, void *data, size_t length, off_t offset) {
    if (is_counted(fd)) {
        pthread_mutex_lock(&lock);
        int is_failed = fails(READ);
        pthread_mutex_unlock(&lock);
        if (is_failed) return -1;
    }
    return syscall(SYS_pread64, fd, data, length, offset);
}
ssize_t pread(int fd, void *data, size_t length, off_t offset) { return read_at(fd, data, length, offset); }
ssize_t pread64(int fd, void *data, size_t length, off64_t offset) { return read_at(fd, data, length, offset); }

static int sync_by(int number, int fd) {
    if (!is_counted(fd)) return syscall(number, fd);
    pthread_mutex_lock(&lock);
    int done = -1;
    if (!fails(SYNC)) {
        done = syscall(number, fd);
        if (done == 0) tell(SYNC, files[fd].inode, 0, 0, 0);
    }
    pthread_mutex_unlock(&lock);
    return done;
}
int fsync(int fd) { return sync_by(SYS_fsync, fd); }
int fdatasync(int fd) { return sync_by(SYS_fdatasync, fd); }

static int resize(int fd, off_t length) {
    if (!is_counted(fd)) return syscall(SYS_ftruncate, fd, length);
    pthread_mutex_lock(&lock);
    int done = -1;
    if (!fails(TRUNCATE)) {
        done = syscall(SYS_ftruncate, fd, length);
        if (done == 0) tell(TRUNCATE, files[fd].inode, length, 0, 0);
    }
    pthread_mutex_unlock(&lock);
    return done;
}
int ftruncate(int fd, off_t length) { return resize(fd, length); }
int ftruncate64(int fd, off64_t length) { return resize(fd, length); }

static int move(const char *from, const char *to) {
    if (!is_within(to)) return syscall(SYS_renameat2, AT_FDCWD, from, AT_FDCWD, to, 0);
    pthread_mutex_lock(&lock);
    int done = -1;
    if (!fails(RENAME)) {
        done = syscall(SYS_renameat2, AT_FDCWD, from, AT_FDCWD, to, 0);
        if (done == 0) {
            char both[8192];
            int length = snprintf(both, sizeof both, "%s%c%s", from, 0, to);
            tell(RENAME, 0, 0, both, length);
        }
    }
    pthread_mutex_unlock(&lock);
    return done;
}
int rename(const char *from, const char *to) { return move(from, to); }

static int remove_at(int at, const char *path, int flags) {
    if (!is_within(path)) return syscall(SYS_unlinkat, at, path, flags);
    pthread_mutex_lock(&lock);
    int done = -1;
    if (!fails(UNLINK)) {
        done = syscall(SYS_unlinkat, at, path, flags);
        if (done == 0) tell(UNLINK, 0, 0, path, strlen(path));
    }
    pthread_mutex_unlock(&lock);
    return done;
}
int unlink(const char *path) { return remove_at(AT_FDCWD, path, 0); }
int unlinkat(int at, const char *path, int flags) { return remove_at(at, path, flags); }

int mkdir(const char *path, mode_t mode) {
    if (!is_within(path)) return syscall(SYS_mkdirat, AT_FDCWD, path, mode);
    pthread_mutex_lock(&lock);
    int done = fails(MKDIR) ? -1 : syscall(SYS_mkdirat, AT_FDCWD, path, mode);
    if (done == 0) tell(MKDIR, 0, 0, path, strlen(path));
    pthread_mutex_unlock(&lock);
    return done;
}

static void *map(void *at, size_t length, int protection, int flags, int fd, off_t offset) {
    if (is_counted(fd) && (flags & MAP_SHARED)) {
        pthread_mutex_lock(&lock);
        int is_failed = fails(MMAP);
        pthread_mutex_unlock(&lock);
        if (is_failed) return MAP_FAILED;
    }
    return (void *)syscall(SYS_mmap, at, length, protection, flags, fd, offset);
}
void *mmap(void *at, size_t length, int protection, int flags, int fd, off_t offset) {
    return map(at, length, protection, flags, fd, offset);
}
void *mmap64(void *at, size_t length, int protection, int flags, int fd, off64_t offset) {
    return map(at, length, protection, flags, fd, offset);
}
