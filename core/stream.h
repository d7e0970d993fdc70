/* SPDX-License-Identifier: Apache-2.0
 * Inside of a stream, for stream.c and frame.c only. */
#ifndef CMG_CORE_STREAM_H
#define CMG_CORE_STREAM_H

#include "core/engine.h"
#include "core/lines.h"
#include "decoders/decoder.h"

/* What a stream remembers between records: plain data, saved and restored as one block. The
 * decoders' states follow it, each at its offset. */
struct cmg_memory {
    uint64_t build;      /* which decoders, which sizes: a block of another build is refused */
    uint64_t generation; /* hash of the log's first complete record */
    int64_t last_ns;     /* time of the last dated record */
    int64_t envelope_ns; /* the wrapper's, of what is fed now; 0: none */
    uint64_t occurrence; /* lines of this envelope_ns so far, where they have no offset */
    uint32_t decoder;    /* index of the last one that took a line */
    uint8_t width;       /* enum cmg_width */
    uint8_t has_generation, has_last, placeless;
    uint8_t continuing; /* 1 + index of the decoder whose record was cut at the cap and goes on; 0:
                           none */
};

/* A record's text before it is decoded. */
struct cmg_frame {
    cmg_str text;   /* UTF-8, no mark, no last line end */
    cmg_str source; /* the same as bytes of the input: what is hashed */
    uint64_t offset, length;
    uint32_t lines, problems, decoder;
    bool placeless; /* offset is a stand-in: no offset in the log is known */
    bool plain;     /* ASCII without NUL; false: not known */
    bool decoded;   /* the event is filled already */
};

struct cmg_stream {
    const struct cmg_engine *engine;
    struct cmg_corr *corr;
    uint64_t id; /* of (host, path) */
    uint64_t host_hash;
    struct cmg_buf names; /* host, path */
    cmg_str host, path;
    struct cmg_lines in;
    /* The record that is being put together. Its text is in `in`, or in `text` once a line had to
     * be converted. */
    struct cmg_buf text;
    struct cmg_room room;
    bool copied;
    size_t front; /* uncopied: bytes of `in` before the text (a byte order mark) */
    uint32_t held_lines, held_problems, held_decoder;
    bool ended, flush, promote;
    bool pending; /* `record` is decoded and waits for the promotions that leave before it */
    struct cmg_record record, promoted;
    int64_t window_ns; /* time of the last whole record from elsewhere, 0 for none */
    struct cmg_stream_stats stats;
    size_t memory_size;
    struct cmg_memory *memory;
};

/* Decodes a frame into `ret`. False: it was a directive. */
bool cmg_frame_decode(struct cmg_stream *s, const struct cmg_frame *f, struct cmg_record *ret);
/* Index of the decoder that takes this line. */
uint32_t cmg_frame_choose(struct cmg_stream *s, cmg_str line);
/* Size of the memory block of this build, and a decoder's state in it. */
size_t cmg_memory_size(void);
uint64_t cmg_memory_build(void);
void *cmg_memory_state(struct cmg_memory *m, uint32_t decoder);

#endif
