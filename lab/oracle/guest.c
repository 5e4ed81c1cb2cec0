/* guest.c: what stands for a running virtual machine in the lab.
 *
 *     lab-guest UUID HOST NAME DIRECTORY
 *
 * Becomes a daemon and appends the time (CLOCK_MONOTONIC, seconds) to DIRECTORY/UUID@HOST@START every 100 ms until it is
 * killed. START is the time of its first tick, so that every run has a file of its own; the name of the file says who ran
 * where, its first and last line when. All hosts of the lab share DIRECTORY and the clock.
 * The caller gets exit status 0 after the first tick was written, so a start that was reported has really happened.
 * It ignores its environment: neither a stopped nova-compute nor a dead network ends it. After 32 MiB (a month) it begins
 * a second file and forgets the one before that.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define TICK_NS 100000000L
#define LIMIT (32L * 1024 * 1024)

static char path[4096], former[4096 + 8];

static int begin(void) { return open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644); }

static int tick(int fd, const struct timespec *now) {
    char line[64];
    int n = snprintf(line, sizeof line, "%lld.%03ld\n", (long long)now->tv_sec, now->tv_nsec / 1000000);
    return write(fd, line, n) == n ? 0 : -1;
}

static int detach(void) { /* the write end of a pipe on which the parent waits for the first tick */
    int ends[2];
    char ok;
    if (pipe2(ends, O_CLOEXEC)) return -1;
    pid_t child = fork();
    if (child < 0) return -1;
    if (child > 0) {
        close(ends[1]);
        _exit(read(ends[0], &ok, 1) == 1 ? 0 : 1);
    }
    close(ends[0]);
    setsid();
    if (chdir("/")) return -1;
    int null = open("/dev/null", O_RDWR);
    if (null < 0) return -1;
    for (int i = 0; i < 3; i++) dup2(null, i);
    return ends[1];
}

int main(int argc, char **argv) {
    if (argc != 5) {
        fprintf(stderr, "usage: lab-guest UUID HOST NAME DIRECTORY\n");
        return 2;
    }
    struct timespec now, next;
    clock_gettime(CLOCK_MONOTONIC, &next);
    snprintf(path, sizeof path, "%s/%s@%s@%lld.%03ld", argv[4], argv[1], argv[2], (long long)next.tv_sec,
             next.tv_nsec / 1000000);
    snprintf(former, sizeof former, "%s.former", path);
    int fd = begin();
    if (fd < 0) {
        fprintf(stderr, "lab-guest: %s: %s\n", path, strerror(errno));
        return 1;
    }
    int ready = detach();
    if (ready < 0) return 1;
    for (long written = 0;; written += 12) {
        clock_gettime(CLOCK_MONOTONIC, &now);
        int failed = tick(fd, &now);
        if (ready >= 0) {
            if (failed || write(ready, "!", 1) != 1) return 1;
            close(ready);
            ready = -1;
        }
        if (written > LIMIT) {
            rename(path, former);
            close(fd);
            fd = begin();
            written = 0;
        }
        next.tv_nsec += TICK_NS;
        if (next.tv_nsec >= 1000000000L) {
            next.tv_nsec -= 1000000000L;
            next.tv_sec++;
        }
        while (clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &next, NULL) == EINTR) {}
    }
}
