/* SPDX-License-Identifier: Apache-2.0
 * The table of correlate.h. Layout of the block: header, keys, slots, slot texts, incidents,
 * incident texts. */
#include "enrich/correlate.h"

#include <stdlib.h>

enum { VERSION = 2, SETS_MAX = 1 << 20 };
#define MAGIC UINT64_C(0x30726f63676d63) /* "cmgcor0" */

struct bucket {
    int64_t deadline; /* no candidate of the bucket closes by time before this */
    struct cmg_list candidates;
    uint32_t busy; /* slots that count records */
    uint32_t padding;
};

struct cmg_corr {
    uint64_t magic;
    uint32_t version, shape; /* of the structs below: another build has another */
    uint64_t size;
    uint64_t sets;
    uint64_t clock, evictions;
    uint32_t incidents_used;  /* the pool beyond was never touched */
    uint32_t open;            /* candidates and settled ones */
    struct cmg_window window; /* for which the slots know how long they are quiet */
    struct cmg_list list[CMG_INC_STATES];
    struct bucket bucket[CMG_CORR_BUCKETS];
};

enum {
    INCIDENT_SIZE = sizeof(struct cmg_incident) + sizeof(struct cmg_incident_text),
    HEAD_SIZE = sizeof(struct cmg_corr) + CMG_CORR_SPARE * INCIDENT_SIZE,
    SET_SIZE = CMG_CORR_WAYS *
                   (sizeof(uint64_t) + sizeof(struct cmg_slot) + sizeof(struct cmg_slot_text)) +
               CMG_CORR_POOL * INCIDENT_SIZE,
    SHAPE =
        sizeof(struct cmg_corr) ^ sizeof(struct cmg_slot) << 8 ^ sizeof(struct cmg_incident) << 16,
};

_Static_assert(HEAD_SIZE + SET_SIZE <= CMG_CORR_BYTES_MIN, "the smallest table holds a set");
_Static_assert(sizeof(struct cmg_slot_text) % 8 == 0 && sizeof(struct cmg_incident_text) % 8 == 0,
               "alignment");

/* ---- where things are ------------------------------------------------------------------------ */

static uint32_t slots(const struct cmg_corr *c)
{
    return (uint32_t)c->sets * CMG_CORR_WAYS;
}

/* Open incidents at a time, and how many the pool holds with those that wait for their promotion.
 */
static uint32_t limit(const struct cmg_corr *c)
{
    return (uint32_t)c->sets * CMG_CORR_POOL;
}

static uint32_t incidents(const struct cmg_corr *c)
{
    return limit(c) + CMG_CORR_SPARE;
}

static uint64_t *keys(const struct cmg_corr *c)
{
    return (uint64_t *)(uintptr_t)(c + 1);
}

static struct cmg_slot *slot_base(const struct cmg_corr *c)
{
    return (struct cmg_slot *)(keys(c) + slots(c));
}

static struct cmg_slot_text *slot_text_base(const struct cmg_corr *c)
{
    return (struct cmg_slot_text *)(slot_base(c) + slots(c));
}

static struct cmg_incident *incident_base(const struct cmg_corr *c)
{
    return (struct cmg_incident *)(uintptr_t)(slot_text_base(c) + slots(c));
}

struct cmg_slot *cmg_corr_slot(struct cmg_corr *c, uint32_t slot)
{
    return slot_base(c) + slot - 1;
}

struct cmg_slot_text *cmg_corr_slot_text(struct cmg_corr *c, uint32_t slot)
{
    return slot_text_base(c) + slot - 1;
}

struct cmg_incident *cmg_corr_incident(struct cmg_corr *c, uint32_t incident)
{
    return incident_base(c) + incident - 1;
}

struct cmg_incident_text *cmg_corr_incident_text(struct cmg_corr *c, uint32_t incident)
{
    return (struct cmg_incident_text *)(incident_base(c) + incidents(c)) + incident - 1;
}

static struct bucket *bucket_of(struct cmg_corr *c, uint64_t stream)
{
    return &c->bucket[stream % CMG_CORR_BUCKETS];
}

/* ---- birth and death ------------------------------------------------------------------------- */

struct cmg_corr *cmg_corr_new(size_t bytes)
{
    if (!bytes)
        bytes = CMG_CORR_BYTES_DEFAULT;
    if (bytes < CMG_CORR_BYTES_MIN)
        bytes = CMG_CORR_BYTES_MIN;
    size_t sets = (bytes - HEAD_SIZE) / SET_SIZE;
    if (sets > SETS_MAX)
        sets = SETS_MAX;
    size_t size = HEAD_SIZE + sets * SET_SIZE;
    struct cmg_corr *c = calloc(1, size);
    if (!c)
        return NULL;
    c->magic = MAGIC;
    c->version = VERSION;
    c->shape = SHAPE;
    c->size = size;
    c->sets = sets;
    return c;
}

void cmg_corr_free(struct cmg_corr *c)
{
    free(c);
}

uint64_t cmg_corr_evictions(const struct cmg_corr *c)
{
    return c->evictions;
}

/* ---- lists ----------------------------------------------------------------------------------- */

static struct cmg_link *state_link(struct cmg_corr *c, uint32_t i)
{
    return &cmg_corr_incident(c, i)->by_state;
}

static struct cmg_link *stream_link(struct cmg_corr *c, uint32_t i)
{
    return &cmg_corr_incident(c, i)->by_stream;
}

typedef struct cmg_link *link_fn(struct cmg_corr *, uint32_t);

static void append(struct cmg_corr *c, struct cmg_list *list, link_fn *link, uint32_t i)
{
    *link(c, i) = (struct cmg_link){list->tail, 0};
    if (list->tail)
        link(c, list->tail)->next = i;
    else
        list->head = i;
    list->tail = i;
}

static void cut_out(struct cmg_corr *c, struct cmg_list *list, link_fn *link, uint32_t i)
{
    struct cmg_link l = *link(c, i);
    *(l.prev ? &link(c, l.prev)->next : &list->head) = l.next;
    *(l.next ? &link(c, l.next)->prev : &list->tail) = l.prev;
}

static void move_to(struct cmg_corr *c, uint32_t i, enum cmg_incident_state state)
{
    struct cmg_incident *inc = cmg_corr_incident(c, i);
    cut_out(c, &c->list[inc->state], state_link, i);
    if (inc->state == CMG_INC_CANDIDATE && state != CMG_INC_CANDIDATE)
        cut_out(c, &bucket_of(c, inc->stream)->candidates, stream_link, i);
    inc->state = (uint8_t)state;
    append(c, &c->list[state], state_link, i);
}

/* ---- incidents ------------------------------------------------------------------------------- */

/* A candidate waits for its promotion, a settled one is forgotten. */
static void close_incident(struct cmg_corr *c, uint32_t i)
{
    struct cmg_incident *inc = cmg_corr_incident(c, i);
    struct cmg_slot *s = cmg_corr_slot(c, inc->slot);
    for (int k = 0; k < CMG_CORR_OPEN; k++)
        if (s->incident[k] == i)
            s->incident[k] = 0;
    inc->slot = 0;
    c->open--;
    move_to(c, i, inc->state == CMG_INC_CANDIDATE ? CMG_INC_PENDING : CMG_INC_FREE);
}

void cmg_corr_release(struct cmg_corr *c, uint32_t incident)
{
    move_to(c, incident, CMG_INC_FREE);
}

/* As many are open as may be: the settled, else the candidate, that was joined longest ago is
 * closed. */
static void make_room(struct cmg_corr *c)
{
    if (c->open < limit(c))
        return;
    uint32_t settled = c->list[CMG_INC_SETTLED].head;
    c->evictions++;
    close_incident(c, settled ? settled : c->list[CMG_INC_CANDIDATE].head);
}

/* CMG_CORR_SPARE is more than one record can close, so a promotion is only lost (and counted) when
 * the caller does not ask for what is due between records. */
static uint32_t pool_get(struct cmg_corr *c)
{
    make_room(c);
    if (c->list[CMG_INC_FREE].head)
        return c->list[CMG_INC_FREE].head;
    if (c->incidents_used < incidents(c)) {
        append(c, &c->list[CMG_INC_FREE], state_link, ++c->incidents_used);
    } else {
        c->evictions++;
        move_to(c, c->list[CMG_INC_PENDING].head, CMG_INC_FREE);
    }
    return c->list[CMG_INC_FREE].head;
}

/* The place in the slot: a free one, or that of the settled, else the candidate, that was joined
 * longest ago. */
static int place(struct cmg_corr *c, const struct cmg_slot *s)
{
    int best = 0;
    uint64_t worst = 0;
    for (int k = 0; k < CMG_CORR_OPEN; k++) {
        if (!s->incident[k])
            return k;
        const struct cmg_incident *inc = cmg_corr_incident(c, s->incident[k]);
        uint64_t age = s->count - inc->last_count;
        if (inc->state == CMG_INC_SETTLED)
            age += UINT64_C(1) << 32;
        if (age >= worst) {
            worst = age;
            best = k;
        }
    }
    return best;
}

uint32_t cmg_corr_open(struct cmg_corr *c, uint32_t slot, enum cmg_incident_state state,
                       uint64_t class_hash)
{
    struct cmg_slot *s = cmg_corr_slot(c, slot);
    int k = place(c, s);
    if (s->incident[k]) {
        c->evictions++;
        close_incident(c, s->incident[k]);
    }
    uint32_t i = pool_get(c);
    cut_out(c, &c->list[CMG_INC_FREE], state_link, i);
    struct cmg_incident *inc = cmg_corr_incident(c, i);
    *inc = (struct cmg_incident){
        .stream = s->stream, .class_hash = class_hash, .slot = slot, .status = -1};
    inc->state = (uint8_t)state;
    c->open++;
    append(c, &c->list[state], state_link, i);
    if (state == CMG_INC_CANDIDATE)
        append(c, &bucket_of(c, s->stream)->candidates, stream_link, i);
    s->incident[k] = i;
    return i;
}

static int64_t end_of(int64_t last_ns, bool last_known, const struct cmg_window *w)
{
    return last_known && last_ns <= INT64_MAX - w->ns ? last_ns + w->ns : INT64_MAX;
}

static int64_t deadline(const struct cmg_incident *inc, const struct cmg_window *w)
{
    return end_of(inc->last_ns, inc->last_known, w);
}

void cmg_corr_touch(struct cmg_corr *c, uint32_t incident, struct cmg_moment now,
                    const struct cmg_window *w)
{
    struct cmg_incident *inc = cmg_corr_incident(c, incident);
    inc->last_count = cmg_corr_slot(c, inc->slot)->count;
    inc->last_ns = now.ns;
    inc->last_known = now.known;
    cmg_corr_slot(c, inc->slot)->quiet = 0;
    move_to(c, incident, (enum cmg_incident_state)inc->state);
    struct bucket *b = bucket_of(c, inc->stream);
    if (inc->state == CMG_INC_CANDIDATE &&
        (b->candidates.head == b->candidates.tail || deadline(inc, w) < b->deadline))
        b->deadline = deadline(inc, w);
}

void cmg_corr_answer(struct cmg_corr *c, uint32_t incident)
{
    move_to(c, incident, CMG_INC_SETTLED);
}

/* ---- slots ----------------------------------------------------------------------------------- */

static uint32_t first_of_set(const struct cmg_corr *c, uint64_t key)
{
    return (uint32_t)((key >> 32) * c->sets >> 32) * CMG_CORR_WAYS;
}

uint32_t cmg_corr_find(const struct cmg_corr *c, uint64_t key)
{
    uint32_t first = first_of_set(c, key);
    const uint64_t *k = keys(c) + first;
    for (uint32_t i = 0; i < CMG_CORR_WAYS; i++)
        if (k[i] == key)
            return first + i + 1;
    return 0;
}

bool cmg_corr_counts(const struct cmg_corr *c, uint64_t stream)
{
    return c->bucket[stream % CMG_CORR_BUCKETS].busy != 0;
}

/* 0: nothing is open, 1: only what is settled, 2: a candidate. */
static unsigned worth(struct cmg_corr *c, const struct cmg_slot *s)
{
    unsigned best = 0;
    for (int k = 0; k < CMG_CORR_OPEN; k++) {
        if (!s->incident[k])
            continue;
        unsigned v = cmg_corr_incident(c, s->incident[k])->state == CMG_INC_CANDIDATE ? 2 : 1;
        best = v > best ? v : best;
    }
    return best;
}

static void set_busy(struct cmg_corr *c, struct cmg_slot *s, bool busy)
{
    struct bucket *b = bucket_of(c, s->stream);
    b->busy += (uint32_t)busy - s->busy;
    s->busy = busy;
}

/* What was last added to at this moment runs out when more than `records` have followed, or by
 * time.
 */
static void bound_quiet(struct cmg_slot *s, uint32_t last_count, uint32_t records, int64_t end)
{
    uint32_t since = s->count - last_count, left = since < records ? records - since : 0;
    s->quiet = left < s->quiet ? left : s->quiet;
    s->quiet_ns = end < s->quiet_ns ? end : s->quiet_ns;
}

/* Whether the slot still counts, and for how long it need not be looked at, after something was
 * closed or added. */
static void refresh(struct cmg_corr *c, struct cmg_slot *s, const struct cmg_window *w)
{
    bool busy = s->has_memory;
    s->quiet = UINT32_MAX;
    s->quiet_ns = INT64_MAX;
    if (s->has_memory)
        bound_quiet(s, s->memory_count, w->records, end_of(s->memory_ns, s->memory_known, w));
    for (int k = 0; k < CMG_CORR_OPEN; k++) {
        if (!s->incident[k])
            continue;
        /* A candidate closes with the record that fills its window, not with the one behind it. */
        const struct cmg_incident *inc = cmg_corr_incident(c, s->incident[k]);
        uint32_t records = w->records - (inc->state == CMG_INC_CANDIDATE);
        bound_quiet(s, inc->last_count, records, deadline(inc, w));
        busy = true;
    }
    set_busy(c, s, busy);
}

static void empty(struct cmg_corr *c, uint32_t slot)
{
    struct cmg_slot *s = cmg_corr_slot(c, slot);
    if (worth(c, s))
        c->evictions++;
    for (int k = 0; k < CMG_CORR_OPEN; k++)
        if (s->incident[k])
            close_incident(c, s->incident[k]);
    set_busy(c, s, false);
    keys(c)[slot - 1] = 0;
}

static uint32_t victim(struct cmg_corr *c, uint32_t first)
{
    uint32_t best = first + 1;
    unsigned least = 3;
    for (uint32_t i = first + 1; i <= first + CMG_CORR_WAYS; i++) {
        const struct cmg_slot *s = cmg_corr_slot(c, i);
        if (!keys(c)[i - 1])
            return i;
        unsigned v = worth(c, s);
        if (v < least || (v == least && s->used < cmg_corr_slot(c, best)->used)) {
            least = v;
            best = i;
        }
    }
    return best;
}

uint32_t cmg_corr_take(struct cmg_corr *c, uint64_t key, uint64_t stream)
{
    uint32_t slot = cmg_corr_find(c, key);
    if (!slot) {
        slot = victim(c, first_of_set(c, key));
        if (keys(c)[slot - 1])
            empty(c, slot);
        *cmg_corr_slot(c, slot) = (struct cmg_slot){.stream = stream};
        keys(c)[slot - 1] = key;
    }
    cmg_corr_slot(c, slot)->used = ++c->clock;
    return slot;
}

/* ---- windows --------------------------------------------------------------------------------- */

static bool passed(struct cmg_moment now, int64_t last_ns, bool last_known,
                   const struct cmg_window *w)
{
    return now.known && last_known && now.ns > last_ns &&
           (uint64_t)now.ns - (uint64_t)last_ns > (uint64_t)w->ns;
}

static void forget_old(struct cmg_slot *s, struct cmg_moment now, const struct cmg_window *w)
{
    if (s->count - s->memory_count <= w->records && !passed(now, s->memory_ns, s->memory_known, w))
        return;
    s->has_memory = 0;
    s->marks = 0;
    s->flags = (struct cmg_flags){0, 0, 0};
    s->flag_class = 0;
    memset(s->counter, 0, sizeof s->counter);
    s->valid_to = s->current_time = 0;
}

static void close_old(struct cmg_corr *c, struct cmg_slot *s, struct cmg_moment now,
                      const struct cmg_window *w)
{
    for (int k = 0; k < CMG_CORR_OPEN; k++) {
        if (!s->incident[k])
            continue;
        const struct cmg_incident *inc = cmg_corr_incident(c, s->incident[k]);
        if (s->count - inc->last_count > w->records ||
            passed(now, inc->last_ns, inc->last_known, w))
            close_incident(c, s->incident[k]);
    }
}

/* Another catalogue's user, or a block that was restored with other options. */
static void adopt(struct cmg_corr *c, const struct cmg_window *w)
{
    c->window.ns = w->ns;
    c->window.records = w->records;
    for (uint32_t i = 1; i <= slots(c); i++)
        cmg_corr_slot(c, i)->quiet = 0;
}

bool cmg_corr_count(struct cmg_corr *c, uint32_t slot, struct cmg_moment now,
                    const struct cmg_window *w)
{
    struct cmg_slot *s = cmg_corr_slot(c, slot);
    s->count++;
    if (!s->busy)
        return false;
    if (c->window.ns != w->ns || c->window.records != w->records)
        adopt(c, w);
    if (s->quiet && (!now.known || now.ns <= s->quiet_ns)) {
        s->quiet--;
        return false;
    }
    close_old(c, s, now, w);
    if (s->has_memory)
        forget_old(s, now, w);
    refresh(c, s, w);
    return true;
}

void cmg_corr_close_full(struct cmg_corr *c, uint32_t slot, const struct cmg_window *w)
{
    struct cmg_slot *s = cmg_corr_slot(c, slot);
    for (int k = 0; k < CMG_CORR_OPEN; k++) {
        if (!s->incident[k])
            continue;
        const struct cmg_incident *inc = cmg_corr_incident(c, s->incident[k]);
        if (inc->state == CMG_INC_CANDIDATE && s->count - inc->last_count >= w->records)
            close_incident(c, s->incident[k]);
    }
    refresh(c, s, w);
}

/* The first candidate of the stream that is due. Also finds when the next of the bucket will be. */
static uint32_t first_due(struct cmg_corr *c, struct bucket *b, uint64_t stream, int64_t now,
                          bool all, const struct cmg_window *w)
{
    int64_t next = INT64_MAX;
    for (uint32_t i = b->candidates.head; i; i = cmg_corr_incident(c, i)->by_stream.next) {
        const struct cmg_incident *inc = cmg_corr_incident(c, i);
        int64_t end = deadline(inc, w);
        if (inc->stream == stream && (all || now > end))
            return i;
        next = end < next ? end : next;
    }
    b->deadline = next;
    return 0;
}

uint32_t cmg_corr_due(struct cmg_corr *c, uint64_t stream, struct cmg_moment now, bool all,
                      const struct cmg_window *w)
{
    struct bucket *b = bucket_of(c, stream);
    if (!c->list[CMG_INC_PENDING].head && b->candidates.head &&
        (all || (now.known && now.ns > b->deadline))) {
        uint32_t i = first_due(c, b, stream, now.known ? now.ns : INT64_MIN, all, w);
        if (i)
            close_incident(c, i);
    }
    return c->list[CMG_INC_PENDING].head;
}

uint16_t cmg_corr_keep(char *to, size_t cap, cmg_str text)
{
    size_t n = text.len;
    if (n > cap) {
        n = cap;
        while (n && ((unsigned char)text.ptr[n] & 0xc0) == 0x80)
            n--;
    }
    if (n)
        memcpy(to, text.ptr, n);
    return (uint16_t)n;
}

/* ---- save and restore ------------------------------------------------------------------------ */

cmg_str cmg_corr_image(const struct cmg_corr *c)
{
    return cmg_str_of((const char *)c, c->size);
}

static bool sound_incident(const struct cmg_corr *c, const struct cmg_incident *inc)
{
    bool open = inc->state == CMG_INC_CANDIDATE || inc->state == CMG_INC_SETTLED;
    return inc->state < CMG_INC_STATES && inc->candidate_source <= CMG_TIME_RECORD &&
           inc->url <= CMG_CORR_URL && inc->host <= CMG_CORR_HOST && inc->path <= CMG_CORR_PATH &&
           inc->status_text <= CMG_CORR_WORD && inc->request_id <= CMG_CORR_WORD &&
           !inc->id[CMG_ID_SIZE - 1] && !inc->candidate[CMG_ID_SIZE - 1] &&
           (open ? inc->slot && inc->slot <= slots(c) : !inc->slot);
}

/* Every incident of the list is in range, in its state, and linked both ways; `left` bounds the
 * walk. */
static bool sound_list(struct cmg_corr *c, const struct cmg_list *list, link_fn *link,
                       unsigned state, uint32_t *left)
{
    uint32_t last = 0;
    for (uint32_t i = list->head; i; i = link(c, i)->next) {
        if (i > c->incidents_used || !*left || link(c, i)->prev != last ||
            cmg_corr_incident(c, i)->state != state)
            return false;
        last = i;
        --*left;
    }
    return list->tail == last;
}

static bool sound_lists(struct cmg_corr *c)
{
    uint32_t left = c->incidents_used, candidates = 0;
    for (unsigned st = 0; st < CMG_INC_STATES; st++)
        if (!sound_list(c, &c->list[st], state_link, st, &left))
            return false;
    for (uint32_t i = 1; i <= c->incidents_used; i++)
        candidates += cmg_corr_incident(c, i)->state == CMG_INC_CANDIDATE;
    for (unsigned b = 0; b < CMG_CORR_BUCKETS; b++) {
        if (!sound_list(c, &c->bucket[b].candidates, stream_link, CMG_INC_CANDIDATE, &candidates))
            return false;
        for (uint32_t i = c->bucket[b].candidates.head; i; i = stream_link(c, i)->next)
            if (cmg_corr_incident(c, i)->stream % CMG_CORR_BUCKETS != b)
                return false;
    }
    return left == 0 && candidates == 0;
}

static bool sound_slot(struct cmg_corr *c, uint32_t slot, uint32_t *open)
{
    const struct cmg_slot *s = cmg_corr_slot(c, slot);
    if (s->url > CMG_CORR_URL || s->valid_to > CMG_CORR_WORD || s->current_time > CMG_CORR_WORD ||
        s->busy > 1)
        return false;
    for (int k = 0; k < CMG_CORR_OPEN; k++) {
        uint32_t i = s->incident[k];
        if (!i)
            continue;
        if (i > c->incidents_used || cmg_corr_incident(c, i)->slot != slot || !keys(c)[slot - 1])
            return false;
        ++*open;
    }
    return true;
}

/* The bytes may come from a file that somebody damaged: no number in them may lead outside of the
 * block. */
static bool sound(struct cmg_corr *c)
{
    uint32_t open = 0, in_slots = 0;
    if (c->incidents_used > incidents(c))
        return false;
    for (uint32_t i = 1; i <= c->incidents_used; i++) {
        const struct cmg_incident *inc = cmg_corr_incident(c, i);
        if (!sound_incident(c, inc))
            return false;
        open += inc->slot != 0;
    }
    for (uint32_t i = 1; i <= slots(c); i++)
        if (!sound_slot(c, i, &in_slots))
            return false;
    return open == in_slots && open == c->open && open <= limit(c) && sound_lists(c);
}

bool cmg_corr_restore(struct cmg_corr *c, cmg_str image)
{
    struct cmg_corr head;
    if (image.len != c->size)
        return false;
    memcpy(&head, image.ptr, sizeof head);
    if (head.magic != MAGIC || head.version != VERSION || head.shape != SHAPE ||
        head.size != c->size || head.sets != c->sets)
        return false;
    struct cmg_corr *copy = malloc(image.len);
    if (!copy)
        return false;
    memcpy(copy, image.ptr, image.len);
    bool good = sound(copy);
    if (good)
        memcpy(c, copy, image.len);
    free(copy);
    return good;
}
