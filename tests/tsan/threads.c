/* SPDX-License-Identifier: Apache-2.0
 * C11's threads by those of POSIX, in programs built with ThreadSanitizer. librdkafka uses the
 * former where libc has them; the sanitizer intercepts the latter only, so that it would know
 * neither librdkafka's threads (and crash in them) nor its locks (and report what they protect).
 * These definitions in the program come before libc's. Only what librdkafka 2.x asks for. */
#include <errno.h>
#include <pthread.h>
#include <stdint.h>
#include <stdlib.h>
#include <threads.h>

#define SEEN __attribute__((visibility("default")))

_Static_assert(sizeof(mtx_t) == sizeof(pthread_mutex_t), "one stands for the other");
_Static_assert(sizeof(cnd_t) == sizeof(pthread_cond_t), "one stands for the other");
_Static_assert(sizeof(thrd_t) == sizeof(pthread_t), "one stands for the other");

struct start {
    thrd_start_t run;
    void *arg;
};

static int result(int err)
{
    return err == 0 ? thrd_success : err == ETIMEDOUT ? thrd_timedout : thrd_error;
}

static void *begin(void *arg)
{
    struct start s = *(struct start *)arg;
    free(arg);
    return (void *)(intptr_t)s.run(s.arg);
}

SEEN int thrd_create(thrd_t *ret, thrd_start_t run, void *arg)
{
    struct start *s = malloc(sizeof *s);
    if (!s)
        return thrd_nomem;
    *s = (struct start){run, arg};
    int err = pthread_create((pthread_t *)ret, NULL, begin, s);
    if (err)
        free(s);
    return result(err);
}

SEEN int thrd_join(thrd_t thread, int *ret)
{
    void *value = NULL;
    int err = pthread_join((pthread_t)thread, &value);
    if (ret)
        *ret = (int)(intptr_t)value;
    return result(err);
}

SEEN int mtx_init(mtx_t *m, int type)
{
    pthread_mutexattr_t attr;
    pthread_mutexattr_init(&attr);
    if (type & mtx_recursive)
        pthread_mutexattr_settype(&attr, PTHREAD_MUTEX_RECURSIVE);
    int err = pthread_mutex_init((pthread_mutex_t *)m, &attr);
    pthread_mutexattr_destroy(&attr);
    return result(err);
}

SEEN int mtx_lock(mtx_t *m)
{
    return result(pthread_mutex_lock((pthread_mutex_t *)m));
}

SEEN int mtx_unlock(mtx_t *m)
{
    return result(pthread_mutex_unlock((pthread_mutex_t *)m));
}

SEEN void mtx_destroy(mtx_t *m)
{
    pthread_mutex_destroy((pthread_mutex_t *)m);
}

SEEN int cnd_init(cnd_t *c)
{
    return result(pthread_cond_init((pthread_cond_t *)c, NULL));
}

SEEN int cnd_signal(cnd_t *c)
{
    return result(pthread_cond_signal((pthread_cond_t *)c));
}

SEEN int cnd_broadcast(cnd_t *c)
{
    return result(pthread_cond_broadcast((pthread_cond_t *)c));
}

SEEN int cnd_wait(cnd_t *c, mtx_t *m)
{
    return result(pthread_cond_wait((pthread_cond_t *)c, (pthread_mutex_t *)m));
}

SEEN int cnd_timedwait(cnd_t *restrict c, mtx_t *restrict m, const struct timespec *restrict until)
{
    return result(pthread_cond_timedwait((pthread_cond_t *)c, (pthread_mutex_t *)m, until));
}

SEEN void cnd_destroy(cnd_t *c)
{
    pthread_cond_destroy((pthread_cond_t *)c);
}
