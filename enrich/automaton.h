/* SPDX-License-Identifier: Apache-2.0
 * Aho and Corasick's automaton ("Efficient string matching", 1975): every word in one pass, at a
 * cost for each byte that depends neither on the text nor on the words.
 *
 * The matcher's skip search is many times quicker on ordinary text; this is for the others. States
 * are the beginnings of the words. Nearly all of them go on in one way, which stands in the state
 * itself; further ways are in a hash table, and the root, where most texts stay, has a table of its
 * own. */
#ifndef CMG_ENRICH_AUTOMATON_H
#define CMG_ENRICH_AUTOMATON_H

#include "core/str.h"

#define CMG_AUTOMATON_NONE UINT32_MAX

#ifndef WORK /* the tests count steps instead of time */
#define WORK(n) ((void)0)
#endif

struct cmg_edge {
    uint32_t key; /* state << 8 | byte */
    uint32_t to;  /* 0: free */
};

struct cmg_state {
    uint32_t to; /* where `byte` leads, 0: nowhere */
    uint8_t byte;
    bool forks;    /* further edges are in the table */
    uint32_t fail; /* the longest end of this text that begins a word */
    uint32_t word; /* that is this text, or NONE */
    uint32_t out;  /* this state or the first on the way of `fail` that is a word; 0: none */
};

struct cmg_automaton {
    struct cmg_state *state;
    struct cmg_edge *edge;
    uint32_t states;
    unsigned edge_bits;
    uint32_t root[256];
};

static inline uint32_t cmg_edge_home(const struct cmg_automaton *a, uint32_t key)
{
    return (key * 0x9e3779b1u) >> (32 - a->edge_bits);
}

/* Where the edge is, or the free place where it would be: half of the table at least is free. */
static inline struct cmg_edge *cmg_edge_find(const struct cmg_automaton *a, uint32_t key)
{
    uint32_t mask = (1u << a->edge_bits) - 1, i = cmg_edge_home(a, key);
    WORK(1);
    for (; a->edge[i].to && a->edge[i].key != key; i = (i + 1) & mask)
        WORK(1);
    return &a->edge[i];
}

static inline uint32_t cmg_edge_key(uint32_t state, char byte)
{
    return state << 8 | (unsigned char)byte;
}

/* The state that the byte leads to without giving up any of the text, or 0. */
static inline uint32_t cmg_automaton_follow(const struct cmg_automaton *a, uint32_t state,
                                            char byte)
{
    const struct cmg_state *s = &a->state[state];
    WORK(1);
    if (!state)
        return a->root[(unsigned char)byte];
    if (s->byte == (unsigned char)byte)
        return s->to;
    return s->forks ? cmg_edge_find(a, cmg_edge_key(state, byte))->to : 0;
}

/* The state behind one more byte, a lower-case one; a text begins in state 0. */
static inline uint32_t cmg_automaton_step(const struct cmg_automaton *a, uint32_t state, char byte)
{
    uint32_t to = cmg_automaton_follow(a, state, byte);
    for (; !to && state; to = cmg_automaton_follow(a, state, byte))
        state = a->state[state].fail;
    return to;
}

/* The longest word that ends in this state, NONE: no word does. *state becomes that in which the
 * shorter ones end. */
static inline uint32_t cmg_automaton_word(const struct cmg_automaton *a, uint32_t *state)
{
    uint32_t out = a->state[*state].out;
    if (!out)
        return CMG_AUTOMATON_NONE;
    *state = a->state[out].fail;
    return a->state[out].word;
}

/* Words of lower-case letters, no two of them the same, at most 8 MiB of text; word i is called i.
 * NULL: no memory. */
CMG_MUST_USE struct cmg_automaton *cmg_automaton_new(const cmg_str *words, size_t n);
void cmg_automaton_free(struct cmg_automaton *a);

#endif
