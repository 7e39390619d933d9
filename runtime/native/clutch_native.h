/* The C interface of the compiled library: a bundle's text encoder and motion step, SHIFT's decoder, noise, and hands
   moved apart, on the CPU, without a graph.

   One call makes one step of 8 frames of B motions: embeddings, decoder layers with their caches, the depth head
   and the draws; of the `flat` form, the K tokens of a step of one motion. Where weights are in bytes, numbers are rounded as the graph
   `motion_step` rounds them, row by row, so a motion is the same in any company; sums have a fixed order, and products
   are fused with them in matrices of floats and nowhere else, so of the same inputs a call gives the same bits on every
   processor. Letters: B motions, C choices of a step, K codes of a step, d width, H heads, D head width, N layers, M
   positions of the memory, T positions of the cache. */

#ifndef CLUTCH_NATIVE_H
#define CLUTCH_NATIVE_H

#include <stdint.h>

#if defined(_WIN32)
#define CLUTCH_API __declspec(dllexport)
#else
#define CLUTCH_API __attribute__((visibility("default")))
#endif

#ifdef __cplusplus
extern "C" {
#endif

/* Raised with every change of what follows. */
#define CLUTCH_NATIVE_VERSION 4

enum { CLUTCH_RELU = 0, CLUTCH_GELU_TANH = 1 };

/* What numbers are stored as: in float32, in float16, by 8 bits around 128, and by signed bytes. */
enum { CLUTCH_FLOAT = 0, CLUTCH_HALF = 1, CLUTCH_BYTES = 2, CLUTCH_SIGNED = 3 };

typedef struct {
    int32_t width, heads, head_width, layers;
    int32_t hidden;       /* of the feed-forward layers */
    int32_t gated;        /* 1: wi holds gate and value side by side */
    int32_t activation;   /* CLUTCH_RELU, CLUTCH_GELU_TANH */
    int32_t depth_hidden; /* of the depth head */
    int32_t positions;    /* of the table of position biases, as many as a motion can have */
    int32_t slots;        /* K */
    int32_t rhythm;       /* values of the rhythm; 0 draws none, and then C = K, else C = K + 1 */
    const int32_t *sizes; /* (C): values of each choice */
    float epsilon;
} clutch_shape;

/* A matrix (in, out), with a scale for each column where it is in bytes, around 128. What it is multiplied by is then
   rounded to bytes too. */
typedef struct {
    const void *numbers;
    int32_t kind;
    const float *scale; /* or NULL */
    const float *bias;  /* added to each row; or NULL */
} clutch_product;

/* Rows of numbers, with a scale for each row where they are in bytes. */
typedef struct {
    const void *rows;
    int32_t kind;
    const float *scale; /* or NULL */
} clutch_table;

typedef struct {
    const float *norm[3];
    clutch_product qkv, self_out, query, cross_out, wi, wo;
} clutch_layer;

typedef struct {
    const float *norm;
    clutch_product wi, wo, head;
    clutch_table embedding; /* of what is chosen; of the last choice there is none */
} clutch_choice;

/* The `flat` form's table of tokens, which is its output head too. */
typedef struct {
    clutch_table rows;  /* (vocabulary, d) */
    clutch_table heads; /* the same, or a table of its own */
    const int32_t *choices; /* (K, most): rows of the head that a slot draws from, -1 behind the last; of the first
                               slot the last is the end of a motion */
    int32_t most;
    int32_t start;          /* the token before the first */
    float factor; /* of the hidden state before the head */
} clutch_stream;

typedef struct {
    const clutch_stream *stream;     /* of the `flat` form, which has none of the next seven, nor choices; or NULL */
    const float *start;              /* (d) */
    clutch_table slots;              /* rows of all slots one after another */
    clutch_table rhythm;             /* where it is drawn */
    const uint16_t *barred;          /* (rhythm, rhythm) float16: 0, or minus infinity where it may not follow */
    const float *position, *length, *remaining; /* (steps, d), (steps + 1, d), (steps + 1, d) */
    const float *bias;               /* (H, positions), from the farthest key to the query itself */
    const float *norm;               /* the decoder's last */
    const clutch_layer *layers;      /* (N) */
    const clutch_choice *choices;    /* (C) */
} clutch_weights;

/* One step of B motions, of one in the `flat` form. Arrays are of B rows, each whole. */
typedef struct {
    int32_t rows;          /* B */
    int32_t position;      /* of the step, from 0; of all motions */
    int32_t memory_length; /* M */
    int32_t capacity;      /* T: more than position, or in the `flat` form at least K (position + 1) */
    int32_t top_k;         /* 0 does not cut */
    float temperature;     /* above 0 */
    int64_t *codes;        /* (B, K): of the step before; then of this one. In the `flat` form each is the number of a row
                              in its slot's `choices`; where the first is that of the end, the rest stay as they were, and
                              no step may follow */
    int64_t *rhythm;       /* (B): likewise; NULL where none is drawn */
    const int64_t *given;  /* (B, K), -1 where nothing is given; or NULL */
    const int64_t *steps;  /* (B): of each motion; not of the `flat` form, which has no given codes either */
    const float *noise;    /* (B, C, noise_rows) */
    int64_t noise_rows;
    const float *padding;  /* (B, M): added to the scores of the memory */
    const float *const *memory; /* (2 N) of (B, H, M, D): keys of layer 0, its values, keys of layer 1, ... */
    float *const *cache;   /* (2 N) of (B, H, T, D), likewise; `position` is filled in, or in the `flat` form the K tokens'
                              from K position on */
    float *const *logits;  /* NULL, or (C) of (B, size): what the choices were drawn from, before temperature; in the `flat`
                              form the first slot's are one more, of the end, its bias added */
    float eom_bias;        /* of the `flat` form: added to the logit of the end */
} clutch_call;

typedef struct clutch_step clutch_step;

CLUTCH_API int32_t clutch_native_version(void);

/* Bytes of each structure above and below, in their order, and a 0 behind: for callers that write them down anew. */
CLUTCH_API const int32_t *clutch_native_sizes(void);

/* Names of the kernels that this processor can run, the best first, with a NUL behind each and one more. Each has
   been tried here and gave the sums that plain C++ gives. */
CLUTCH_API const char *clutch_native_kernels(void);

/* Lay out the weights for the kernels of that name; NULL where memory is used up or there are no such kernels.
   Tables and norms are read where they lie, so these must stay; products are copied. */
CLUTCH_API clutch_step *clutch_step_open(const clutch_shape *, const clutch_weights *, const char *kernels);

CLUTCH_API void clutch_step_close(clutch_step *);

/* Make one step; several threads may do so at once. 0, or 1 where memory is used up. */
CLUTCH_API int32_t clutch_step_run(const clutch_step *, const clutch_call *);

/* Gumbel noise of steps from `first` on, (steps, count, stride): of choice c the first sizes[c] numbers, the others
   0. By splitmix64 of seed, stream, step, choice and row, as the bundle's format says. 0, or 1 where there are no such
   kernels. */
CLUTCH_API int32_t clutch_noise(const char *kernels, uint64_t seed, uint64_t stream, uint64_t first, int64_t steps,
                                const int32_t *sizes, int64_t count, int64_t stride, float *out);

/* ---- the text encoder: a prompt, and perhaps a motion, to the memory that steps attend to ----------------------- */

typedef struct {
    int32_t width, heads, head_width, layers;
    int32_t hidden, gated, activation; /* as of a step */
    int32_t parts;         /* 2 N: keys and values of the decoder's layers */
    int32_t far;           /* distance beyond which all have one bias */
    int32_t slots;         /* K */
    const int32_t *sizes;  /* (K): codes of each slot */
    int32_t flat;          /* 1: a code is a token, a row of `shared`, and a position of its own */
    int32_t lengths, length_hidden; /* scores of the length; 0 has none */
    float epsilon;
} clutch_encoder_shape;

typedef struct {
    const float *norm[2];
    clutch_product qkv, out, wi, wo;
} clutch_encoder_layer;

/* Two matrices, and nothing below 0 between them. */
typedef struct {
    clutch_product first, second;
} clutch_mlp;

/* What the prompt asks for, drawn as labels of a few fields for each of A actions, and shown to the decoder. */
typedef struct {
    int32_t actions, fields;
    const int32_t *sizes;      /* (fields): labels of each */
    int32_t heads, hidden;     /* of what reads them */
    int32_t mix_hidden;
    const float *queries;      /* (heads, A, d / heads), scaled */
    clutch_product keys_values; /* (d, 2 d) */
    clutch_mlp head;           /* to the scores of all labels of an action */
    clutch_table labels;       /* of all fields one after another */
    const float *action;       /* (A, d) */
    const float *norm;
    clutch_product mix[2];     /* what all positions are given: (A d, mix_hidden), (mix_hidden, d) */
} clutch_plan;

typedef struct {
    clutch_table shared;        /* (vocabulary, d) */
    const int32_t *bases;       /* (K): of the `flat` form, a slot's first token */
    clutch_table slots;         /* else: rows of all slots one after another, */
    const float *position;      /* and (steps, d) */
    const float *bias;          /* (2 far + 1, H): by key minus query */
    const float *norm;
    const clutch_encoder_layer *layers;
    clutch_product memory;      /* (d, 2 N H D) */
    clutch_mlp length;
    const clutch_plan *plan;    /* or NULL */
} clutch_encoder_weights;

typedef struct {
    const int64_t *ids;   /* (length) */
    int32_t length;       /* at least 1 */
    int32_t steps;        /* S: of the motion that is given, or 0; then there is no plan */
    const int64_t *codes; /* (S, K), -1 where one is not known */
    const float *noise;   /* (A, labels): of the plan */
    float temperature;    /* of the plan, above 0 */
    float *memory;        /* (2 N, H, M, D) */
    float *lengths;       /* (lengths) */
    int64_t *plan;        /* (A, fields): what was drawn, whether shown or not */
} clutch_prompt;

typedef struct clutch_encoder clutch_encoder;

/* As clutch_step_open. */
CLUTCH_API clutch_encoder *clutch_encoder_open(const clutch_encoder_shape *, const clutch_encoder_weights *,
                                               const char *kernels);

CLUTCH_API void clutch_encoder_close(clutch_encoder *);

/* M: positions of the memory of such a prompt. */
CLUTCH_API int32_t clutch_encoder_memory(const clutch_encoder *, int32_t length, int32_t steps);

/* Encode a prompt, all its positions rounded alike, as the graph `text_encoder` rounds them; several threads may do so
   at once. 0, or 1 where memory is used up. */
CLUTCH_API int32_t clutch_encoder_run(const clutch_encoder *, const clutch_prompt *);

/* ---- SHIFT's decoder: codes to frames --------------------------------------------------------------------------- */

/* A convolution that sees `taps` instants, `dilation` apart, the oldest first: (taps * in, out) and (out). One that
   doubles the rate has twice the columns, of the even and of the odd instant. */
typedef struct {
    clutch_product product; /* in float32 or float16 */
    int32_t taps, dilation, in, out;
} clutch_conv;

/* x + mix(relu(conv(relu(norm(x))))) */
typedef struct {
    const float *norm;
    clutch_conv conv, mix;
} clutch_residual;

/* A branch: one convolution, then on each level its blocks and a doubling, then more blocks, a norm, a convolution. */
typedef struct {
    int32_t levels, codes;        /* levels of codes, and entries of each table */
    const clutch_table *tables;   /* (levels) of (codes, code_size), in float32 or float16 */
    const int32_t *slots;         /* (levels, 2): of a step's codes, of the left hand and of the right */
    int32_t place, channels;      /* among a hand's 99 numbers */
    clutch_conv first, last;
    const float *norm;
    int32_t stages;               /* doublings */
    const int32_t *depths;        /* (stages + 1): blocks before each, and after the last */
    const clutch_residual *blocks;
    const clutch_conv *doublings; /* (stages) */
} clutch_branch;

typedef struct {
    int32_t branches, slots, code_size;
    float epsilon;
    const clutch_branch *parts;
    const float *scale, *offset; /* (2, 99): of the normalised numbers */
} clutch_shift_weights;

typedef struct clutch_shift clutch_shift;

/* As clutch_step_open. Norms, scale and offset must stay; all else is copied. */
CLUTCH_API clutch_shift *clutch_shift_open(const clutch_shift_weights *, const char *kernels);

CLUTCH_API void clutch_shift_close(clutch_shift *);

/* Numbers of the state of a motion, which begins as zeros. */
CLUTCH_API int64_t clutch_shift_state(const clutch_shift *);

/* Decode `steps` more steps of a motion: codes (steps, slots) to frames (8 steps, 2, 99). 0, or 1 where memory is used
   up. However many steps a call has, the frames are the same. */
CLUTCH_API int32_t clutch_shift_run(const clutch_shift *, const int64_t *codes, int64_t steps, float *state,
                                    float *frames);

/* What hands are made of, for clutch_part_hands; in metres, of a right hand. Points are 16 joints from the wrist, 5
   tips, and then points between a joint and its parent. */
typedef struct {
    int32_t spheres;        /* 21 and those between */
    const double *rest;     /* (21, 3): in the rest pose */
    const int32_t *parents; /* (21): of the wrist none */
    const int32_t *joints;  /* (spheres - 21): below a point between */
    const double *shares;   /* (spheres - 21): of the way from the parent */
    const double *radii;    /* (spheres) */
    const double *signs;    /* (99): that make a left hand's numbers a right hand's */
    double centre, extent, give, least, stride;
    int32_t rounds;
} clutch_flesh;

/* Move apart the hands of frames (n, 2, 99) that are deeper in each other than flesh gives, each frame by itself, in
   place; other frames stay as they are. How many were moved, or -1 where memory is used up. */
CLUTCH_API int64_t clutch_part_hands(const clutch_flesh *, float *frames, int64_t n);

#ifdef __cplusplus
}
#endif

#endif
