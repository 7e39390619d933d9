// The weights laid out for the kernels, and what both sides share. Plain C++, the same for every kernel.

#ifndef CLUTCH_WEIGHTS_H
#define CLUTCH_WEIGHTS_H

#include <cstddef>
#include <cstdint>
#include <cstring>

#include "clutch_native.h"

namespace clutch {

// Columns that a kernel sums side by side, and rows of a matrix that one 32-bit lane takes at once.
constexpr int TILE = 64, QUAD = 4;

constexpr int HANDS = 2, NUMBERS = 99;  // of a frame, and of each hand in it

// Folds a counter into a hash: splitmix64 (clutch_rt.noise).
static inline uint64_t folded(uint64_t hash, uint64_t counter) {
    uint64_t x = (hash ^ counter) + 0x9E3779B97F4A7C15ull;
    x = (x ^ (x >> 30)) * 0xBF58476D1CE4E5B9ull;
    x = (x ^ (x >> 27)) * 0x94D049BB133111EBull;
    return x ^ (x >> 31);
}

// Of float16.
static inline float from_half(uint16_t bits) {
    const uint32_t sign = static_cast<uint32_t>(bits & 0x8000) << 16, exponent = (bits >> 10) & 31, rest = bits & 0x3FF;
    float x;
    if (exponent == 0) {
        x = static_cast<float>(rest) * 5.9604644775390625e-8f;  // 2^-24
        return sign ? -x : x;
    }
    const uint32_t wide = sign | (exponent == 31 ? 0x7F800000u : (exponent + 112) << 23) | rest << 13;
    std::memcpy(&x, &wide, sizeof x);
    return x;
}

// A matrix (in, out) in tiles of 64 columns, and what is added to its columns, or null. One of the first three is there:
//
//   bytes   four rows of every column together: byte ((tile * quads + quad) * 64 + column) * 4 + row, signed
//   halves  of float16: number (tile * in + row) * 64 + column
//   floats  of float32, likewise
//
// Both sides are filled up with zeros.
struct Product {
    int in, out, tiles;
    const int8_t *bytes;  // at a multiple of 64 bytes
    const uint16_t *halves;
    const float *floats;
    const float *bias;
    int quads;            // of bytes, as the rest
    const int32_t *sums;  // of each column
    const float *scale;   // of each column
};

struct Layer {
    const float *norm[3];
    Product qkv, self_out, query, cross_out, wi, wo;
};

struct Choice {
    const float *norm;
    Product wi, wo, head;
    clutch_table embedding;
    int size;
};

struct Kernels;

struct Step {
    clutch_shape shape;
    clutch_weights from;   // without layers and choices, which are below
    const int64_t *firsts;  // of each slot, among the rows of all
    const Layer *layers;
    const Choice *choices;
    int count;             // of choices
    const Product *heads;  // of each slot, in the flat form
    clutch_stream stream;
    const Kernels *kernels;
};

// Of T5's layers, what comes between their two matrices.
struct FeedForward {
    int hidden, gated, activation;
};

struct Rounding {
    float scale;
    int32_t zero;
};

// What a thread computes in, kept from call to call. Kernels are compiled for instructions that not every processor
// has, and a template of the standard library that is instantiated among them may be taken for all others too: so
// they see plain arrays, and what needs the library is in step.cpp and shift.cpp.
struct Space {
    uint8_t *bytes;
    Rounding *rounding;
    float *x, *hidden, *normed, *wide, *mixed, *scores;
    const float **rows;
};

// Room for a call of this step; throws std::bad_alloc.
Space room(const Step &step, const clutch_call &call);

// The k-th largest of n numbers; throws std::bad_alloc.
float kth_largest(const float *x, int n, int k);

struct EncoderLayer {
    const float *norm[2];
    Product qkv, out, wi, wo;
};

// Two matrices, and nothing below 0 between them.
struct Mlp {
    Product first, second;
};

struct Plan {
    clutch_plan from;          // without its matrices and products
    const int32_t *sizes;      // of each field's labels
    int labels;                // of all
    Product keys_values;
    Mlp head;
    Product mix[2];
};

struct Encoder {
    clutch_encoder_shape shape;
    clutch_encoder_weights from;  // without what is below
    const int64_t *firsts;        // of each slot, among the rows of all
    const EncoderLayer *layers;
    const Product *memory;        // keys of the decoder's layer 0, its values, keys of layer 1, ...
    Mlp length;
    Plan plan;
    const Kernels *kernels;
};

// Room for a prompt: as for a step, and of one head its keys and values in tiles, and its biases.
struct EncoderSpace {
    Space own;
    float *keys, *values, *biases;
};

// Positions that the encoder reads, and those of the memory, where a plan may come behind them.
int read_rows(const clutch_encoder_shape &shape, const clutch_prompt &prompt);
int memory_rows(const Encoder &encoder, const clutch_prompt &prompt);

EncoderSpace encoder_room(const Encoder &encoder, const clutch_prompt &prompt);

struct Conv {
    Product product;
    int taps, dilation, in, out;

    int context() const { return (taps - 1) * dilation; }
};

struct Residual {
    const float *norm;
    Conv conv, mix;
};

struct Branch {
    int levels;
    const float *const *tables;
    const int32_t *slots;
    int place, channels;
    Conv first, last;
    const float *norm;
    int stages;
    const int32_t *depths;
    const Residual *blocks;
    const Conv *doublings;
};

struct Shift {
    int branches, slots, code_size;
    float epsilon;
    const Branch *parts;
    const float *scale, *offset;
    const Kernels *kernels;
};

// Room for the rows of a block of steps: two of the widest layer, what a convolution sees, and pointers into it.
struct ShiftSpace {
    float *x, *y, *h, *seen;
    const float **rows;
};

ShiftSpace shift_room(const Shift &shift, int64_t steps);

// One set of kernels: the same arithmetic, by other instructions.
struct Kernels {
    const char *name;
    bool (*right)();  // whether they give the numbers that they should
    void (*run)(const Step &, const clutch_call &);
    void (*encode)(const Encoder &, const clutch_prompt &);
    void (*decode)(const Shift &, const int64_t *codes, int64_t steps, float *state, float *frames);
    void (*gumbels)(uint64_t hash, int64_t rows, float *out);  // the rows folded into a hash
};

extern const Kernels PLAIN;
#if defined(__x86_64__) || defined(_M_X64)
#define CLUTCH_X86 1
extern const Kernels AVX2;
// Compilers older than the instructions leave these out.
#if !defined(__GNUC__) || (defined(__clang__) ? __clang_major__ >= 7 : __GNUC__ >= 8)
#define CLUTCH_AVX512_VNNI 1
extern const Kernels AVX512_VNNI;
#endif
#if !defined(__GNUC__) || (defined(__clang__) ? __clang_major__ >= 12 : __GNUC__ >= 11)
#define CLUTCH_AVX_VNNI 1
extern const Kernels AVX_VNNI;
#endif
#endif

}  // namespace clutch

#endif
