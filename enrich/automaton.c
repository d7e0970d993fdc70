/* SPDX-License-Identifier: Apache-2.0
 * Building the automaton: the tree of the words, then the ways back, shorter texts first. */
#include "enrich/automaton.h"

#include <stdlib.h>

/* ---- building -------------------------------------------------------------------------------- */

static uint32_t grow(struct cmg_automaton *a, uint32_t state, char byte)
{
    uint32_t to = cmg_automaton_follow(a, state, byte);
    if (to)
        return to;
    struct cmg_state *s = &a->state[state];
    to = a->states++;
    a->state[to].word = CMG_AUTOMATON_NONE;
    if (!state) {
        a->root[(unsigned char)byte] = to;
    } else if (!s->to) {
        s->to = to;
        s->byte = (unsigned char)byte;
    } else {
        s->forks = true;
        *cmg_edge_find(a, cmg_edge_key(state, byte)) =
            (struct cmg_edge){cmg_edge_key(state, byte), to};
    }
    return to;
}

static void add(struct cmg_automaton *a, cmg_str word, uint32_t id)
{
    uint32_t state = 0;
    for (size_t i = 0; i < word.len; i++)
        state = grow(a, state, word.ptr[i]);
    a->state[state].word = id;
}

/* The state `to` that `byte` leads to from `from`, once all shorter ones are linked. */
static void link_state(struct cmg_automaton *a, uint32_t from, char byte, uint32_t to)
{
    struct cmg_state *s = &a->state[to];
    s->fail = from ? cmg_automaton_step(a, a->state[from].fail, byte) : 0;
    s->out = s->word != CMG_AUTOMATON_NONE ? to : a->state[s->fail].out;
}

/* By the length of their texts: `at[i]` is how far word i has come. */
static void link_all(struct cmg_automaton *a, const cmg_str *words, size_t n, uint32_t *at)
{
    size_t left = n;
    for (size_t depth = 0; left; depth++) {
        left = 0;
        for (size_t i = 0; i < n; i++) {
            if (depth >= words[i].len)
                continue;
            uint32_t to = cmg_automaton_follow(a, at[i], words[i].ptr[depth]);
            link_state(a, at[i], words[i].ptr[depth], to);
            at[i] = to;
            left++;
        }
    }
}

static bool make_room(struct cmg_automaton *a, const cmg_str *words, size_t n)
{
    size_t bytes = 1;
    for (size_t i = 0; i < n; i++)
        bytes += words[i].len;
    a->edge_bits = 4;
    while (((size_t)1 << a->edge_bits) < 2 * n) /* a word adds one fork at most */
        a->edge_bits++;
    a->state = calloc(bytes, sizeof *a->state);
    a->edge = calloc((size_t)1 << a->edge_bits, sizeof *a->edge);
    return a->state && a->edge;
}

struct cmg_automaton *cmg_automaton_new(const cmg_str *words, size_t n)
{
    struct cmg_automaton *a = calloc(1, sizeof *a);
    uint32_t *at = calloc(n + 1, sizeof *at);
    bool good = a && at && make_room(a, words, n);
    if (good) {
        a->states = 1;
        a->state[0].word = CMG_AUTOMATON_NONE;
        for (size_t i = 0; i < n; i++)
            add(a, words[i], (uint32_t)i);
        link_all(a, words, n, at);
    }
    free(at);
    if (good)
        return a;
    cmg_automaton_free(a);
    return NULL;
}

void cmg_automaton_free(struct cmg_automaton *a)
{
    if (!a)
        return;
    free(a->state);
    free(a->edge);
    free(a);
}
