/* Runs a program and writes into a file what it took: microseconds of CPU, and KiB of memory at the most.
   A process begins with the peak of whoever started it, so it is to be as small as this one. */
#include <stdio.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

static long long micros(struct timeval time) {
    return time.tv_sec * 1000000LL + time.tv_usec;
}

int main(int count, char **arguments) {
    if (count < 3) return 2;
    pid_t child = fork();
    if (child == 0) {
        execv(arguments[2], arguments + 2);
        _exit(127);
    }
    int status;
    struct rusage used;
    if (child < 0 || wait4(child, &status, 0, &used) != child) return 2;
#ifdef __APPLE__
    used.ru_maxrss /= 1024;
#endif
    FILE *report = fopen(arguments[1], "w");
    if (!report) return 2;
    fprintf(report, "%lld %ld\n", micros(used.ru_utime) + micros(used.ru_stime), used.ru_maxrss);
    return fclose(report) || !WIFEXITED(status) ? 2 : WEXITSTATUS(status);
}
