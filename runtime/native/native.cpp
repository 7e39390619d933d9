// The C interface: weights laid out, kernels found, calls handed on.

#include <algorithm>
#include <cstring>
#include <functional>
#include <memory>
#include <new>
#include <string>
#include <vector>

#if defined(_MSC_VER)
#include <immintrin.h>
#include <intrin.h>
#endif

#include "weights.h"

namespace clutch {

// Asks the processor, and the system for the registers: leaf 7 of CPUID in its sub-leaves 0 and 1.
struct Processor {
    bool avx2 = false, avx_vnni = false, avx512_vnni = false;

    Processor() {
#if defined(CLUTCH_X86) && defined(_MSC_VER)
        int none[4], first[4], second[4];
        __cpuid(none, 1);
        if (!(none[2] >> 27 & 1)) return;  // the system keeps no wide registers
        const unsigned long long kept = _xgetbv(0);
        __cpuidex(first, 7, 0);
        __cpuidex(second, 7, 1);
        const bool wide = (kept & 0x6) == 0x6, widest = (kept & 0xE6) == 0xE6;
        const unsigned b = static_cast<unsigned>(first[1]), c = static_cast<unsigned>(first[2]);
        avx2 = wide && (b >> 5 & 1);
        avx_vnni = avx2 && (static_cast<unsigned>(second[0]) >> 4 & 1);
        avx512_vnni = avx2 && widest && (b >> 16 & 1) && (b >> 17 & 1) && (b >> 30 & 1) && (b >> 31 & 1) && (c >> 11 & 1);
#elif defined(CLUTCH_X86)
        avx2 = __builtin_cpu_supports("avx2");
        uint32_t a = 7, b = 0, c = 1, d = 0;
        __asm__("cpuid" : "+a"(a), "=b"(b), "+c"(c), "=d"(d));
        avx_vnni = avx2 && (a >> 4 & 1);
#ifdef CLUTCH_AVX512_VNNI
        avx512_vnni = avx2 && __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
                      __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl") &&
                      __builtin_cpu_supports("avx512vnni");
#endif
#endif
    }
};

// Those that this processor runs, and rightly; the best first.
static const std::vector<const Kernels *> &usable() {
    static const std::vector<const Kernels *> found = [] {
        const Processor processor;
        std::vector<const Kernels *> here, good;
#ifdef CLUTCH_AVX512_VNNI
        if (processor.avx512_vnni) here.push_back(&AVX512_VNNI);
#endif
#ifdef CLUTCH_AVX_VNNI
        if (processor.avx_vnni) here.push_back(&AVX_VNNI);
#endif
#ifdef CLUTCH_X86
        if (processor.avx2) here.push_back(&AVX2);
#endif
        here.push_back(&PLAIN);
        for (const Kernels *kernels : here)
            if (kernels->right()) good.push_back(kernels);
        return good;
    }();
    return found;
}

static const Kernels *find(const char *name) {
    for (const Kernels *kernels : usable())
        if (!std::strcmp(kernels->name, name)) return kernels;
    return nullptr;
}

// Folds a counter into a hash (clutch_rt.noise).
static uint64_t folded(uint64_t hash, uint64_t counter) {
    uint64_t x = (hash ^ counter) + 0x9E3779B97F4A7C15ull;
    x = (x ^ (x >> 30)) * 0xBF58476D1CE4E5B9ull;
    x = (x ^ (x >> 27)) * 0x94D049BB133111EBull;
    return x ^ (x >> 31);
}

// A step with all that its weights point into.
struct Owner {
    Step step{};
    std::vector<std::vector<int8_t>> bytes;
    std::vector<std::vector<int32_t>> sums;
    std::vector<std::vector<float>> numbers;
    std::vector<int64_t> firsts;
    std::vector<Layer> layers;
    std::vector<Choice> choices;
    std::vector<Product> heads;

    const float *kept(const float *from, int count) {
        numbers.emplace_back(from, from + count);
        return numbers.back().data();
    }

    Product lay_out(const clutch_product &from, int rows, int columns) {
        const int quads = (rows + QUAD - 1) / QUAD, tiles = (columns + TILE - 1) / TILE;
        bytes.emplace_back(static_cast<size_t>(tiles) * quads * TILE * QUAD + 63, int8_t{0});
        sums.emplace_back(columns, 0);
        int8_t *to = bytes.back().data();
        to += (64 - reinterpret_cast<uintptr_t>(to) % 64) % 64;
        for (int k = 0; k < rows; k++)
            for (int n = 0; n < columns; n++) {
                const int level = from.levels[static_cast<size_t>(k) * columns + n] - 128;
                const size_t group = static_cast<size_t>(n / TILE) * quads + k / QUAD;
                to[(group * TILE + n % TILE) * QUAD + k % QUAD] = static_cast<int8_t>(level);
                sums.back()[n] += level;
            }
        const float *bias = from.bias ? kept(from.bias, columns) : nullptr;
        return {rows, columns, quads, tiles, to, sums.back().data(), kept(from.scale, columns), bias};
    }
};

// The heads of the flat form, each of the rows that its slot draws from.
static void lay_out_heads(Owner &owner, const clutch_shape &shape, const clutch_stream &from) {
    for (int slot = 0; slot < shape.slots; slot++) {
        const int32_t *rows = from.choices + static_cast<size_t>(slot) * from.most;
        int count = 0;
        while (count < from.most && rows[count] >= 0) count++;
        std::vector<uint8_t> levels(static_cast<size_t>(count) * shape.width);
        std::vector<float> scale(count);
        for (int n = 0; n < count; n++) {
            const uint8_t *row = from.heads + static_cast<size_t>(rows[n]) * shape.width;
            for (int k = 0; k < shape.width; k++) levels[static_cast<size_t>(k) * count + n] = row[k];
            scale[n] = from.head_scale[rows[n]];
        }
        owner.heads.push_back(owner.lay_out({levels.data(), scale.data(), nullptr}, shape.width, count));
    }
    owner.step.stream = from;
    owner.step.stream.choices = nullptr;  // the caller's, and need not stay
    owner.step.heads = owner.heads.data();
}

static void lay_out(Owner &owner, const clutch_shape &shape, const clutch_weights &weights) {
    const int count = weights.stream ? 0 : shape.slots + (shape.rhythm ? 1 : 0);
    const int inner = shape.heads * shape.head_width;
    int64_t first = 0;
    for (int k = count ? count - shape.slots : 0; k < count; k++) {
        owner.firsts.push_back(first);
        first += shape.sizes[k];
    }
    for (int i = 0; i < shape.layers; i++) {
        const clutch_layer &from = weights.layers[i];
        Layer to{};
        for (int n = 0; n < 3; n++) to.norm[n] = from.norm[n];
        to.qkv = owner.lay_out(from.qkv, shape.width, 3 * inner);
        to.self_out = owner.lay_out(from.self_out, inner, shape.width);
        to.query = owner.lay_out(from.query, shape.width, inner);
        to.cross_out = owner.lay_out(from.cross_out, inner, shape.width);
        to.wi = owner.lay_out(from.wi, shape.width, shape.hidden * (shape.gated ? 2 : 1));
        to.wo = owner.lay_out(from.wo, shape.hidden, shape.width);
        owner.layers.push_back(to);
    }
    for (int k = 0; k < count; k++) {
        const clutch_choice &from = weights.choices[k];
        Choice to{};
        to.norm = from.norm;
        to.wi = owner.lay_out(from.wi, shape.width, shape.depth_hidden);
        to.wo = owner.lay_out(from.wo, shape.depth_hidden, shape.width);
        to.head = owner.lay_out(from.head, shape.width, shape.sizes[k]);
        to.embedding = from.embedding;
        to.size = shape.sizes[k];
        owner.choices.push_back(to);
    }
    if (weights.stream) lay_out_heads(owner, shape, *weights.stream);
    Step &step = owner.step;
    step.shape = shape;
    step.from = weights;
    step.shape.sizes = nullptr;  // these four are the caller's, and need not stay
    step.from.stream = nullptr;
    step.from.layers = nullptr;
    step.from.choices = nullptr;
    step.firsts = owner.firsts.data();
    step.layers = owner.layers.data();
    step.choices = owner.choices.data();
    step.count = count;
}

template <typename T>
static T *at_least(std::vector<T> &storage, size_t count) {
    if (storage.size() < count) storage.resize(count);
    return storage.data();
}

Space room(const Step &step, const clutch_call &call) {
    static thread_local std::vector<uint8_t> bytes;
    static thread_local std::vector<Rounding> rounding;
    static thread_local std::vector<float> numbers;
    const clutch_shape &shape = step.shape;
    const int inner = shape.heads * shape.head_width;
    int narrow = std::max(shape.width, inner), scores = std::max(call.memory_length, call.capacity);
    int wide = std::max({narrow, 3 * inner, shape.hidden * (shape.gated ? 2 : 1), shape.depth_hidden});
    const int drawn = step.heads ? shape.slots : step.count;
    for (int k = 0; k < drawn; k++) {
        const int size = step.heads ? step.heads[k].out : step.choices[k].size;
        wide = std::max(wide, size);
        scores = std::max(scores, size);
    }
    const size_t rows = call.rows, size = rows * narrow;
    float *x = at_least(numbers, 4 * size + rows * wide + scores);
    return {at_least(bytes, rows * (wide + QUAD)), at_least(rounding, rows), x, x + size, x + 2 * size,
            x + 4 * size, x + 3 * size, x + 4 * size + rows * wide};
}

float kth_largest(const float *x, int n, int k) {
    static thread_local std::vector<float> copy;
    copy.assign(x, x + n);
    std::nth_element(copy.begin(), copy.begin() + (k - 1), copy.end(), std::greater<float>());
    return copy[k - 1];
}

static float from_half(uint16_t bits) {
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

// A decoder of SHIFT with all that it points into.
struct ShiftOwner {
    Shift shift{};
    std::vector<std::vector<float>> numbers;
    std::vector<std::vector<const float *>> tables;
    std::vector<std::vector<int32_t>> wholes;
    std::vector<std::vector<Residual>> blocks;
    std::vector<std::vector<Conv>> doublings;
    std::vector<Branch> parts;
    int64_t state = 0;

    std::vector<float> read(const clutch_matrix &from, size_t count) {
        std::vector<float> found(count);
        for (size_t i = 0; i < count; i++)
            found[i] = from.half ? from_half(static_cast<const uint16_t *>(from.numbers)[i])
                                 : static_cast<const float *>(from.numbers)[i];
        return found;
    }

    Conv lay_out(const clutch_conv &from) {
        const int rows = from.taps * from.in, tiles = (from.out + TILE - 1) / TILE;
        const std::vector<float> all = read(from.weights, static_cast<size_t>(rows) * from.out);
        numbers.emplace_back(static_cast<size_t>(tiles) * rows * TILE, 0.0f);
        std::vector<float> &to = numbers.back();
        for (int k = 0; k < rows; k++)
            for (int n = 0; n < from.out; n++)
                to[(static_cast<size_t>(n / TILE) * rows + k) * TILE + n % TILE] = all[static_cast<size_t>(k) * from.out + n];
        return {{rows, from.out, tiles, to.data()}, from.bias, from.taps, from.dilation, from.in, from.out};
    }

    void keep(const Conv &conv) { state += 2 * static_cast<int64_t>(conv.context()) * conv.in; }
};

static void lay_out(ShiftOwner &owner, const clutch_shift_weights &from) {
    owner.shift = {from.branches, from.slots, from.code_size, from.epsilon, nullptr, from.scale, from.offset, nullptr};
    for (int i = 0; i < from.branches; i++) {
        const clutch_branch &part = from.parts[i];
        Branch to{};
        to.levels = part.levels;
        owner.tables.emplace_back();
        for (int level = 0; level < part.levels; level++) {
            owner.numbers.push_back(owner.read(part.tables[level], static_cast<size_t>(part.codes) * from.code_size));
            owner.tables.back().push_back(owner.numbers.back().data());
        }
        to.tables = owner.tables.back().data();
        owner.wholes.emplace_back(part.slots, part.slots + 2 * part.levels);
        to.slots = owner.wholes.back().data();
        to.place = part.place;
        to.channels = part.channels;
        to.norm = part.norm;
        to.stages = part.stages;
        owner.wholes.emplace_back(part.depths, part.depths + part.stages + 1);
        to.depths = owner.wholes.back().data();
        to.first = owner.lay_out(part.first);
        owner.keep(to.first);
        std::vector<Residual> blocks;
        std::vector<Conv> doublings;
        int block = 0;
        for (int stage = 0; stage <= part.stages; stage++) {
            for (int n = 0; n < part.depths[stage]; n++, block++) {
                const clutch_residual &one = part.blocks[block];
                blocks.push_back({one.norm, owner.lay_out(one.conv), owner.lay_out(one.mix)});
                owner.keep(blocks.back().conv);
            }
            if (stage == part.stages) break;
            doublings.push_back(owner.lay_out(part.doublings[stage]));
            owner.keep(doublings.back());
        }
        to.last = owner.lay_out(part.last);
        owner.keep(to.last);
        owner.blocks.push_back(std::move(blocks));
        owner.doublings.push_back(std::move(doublings));
        to.blocks = owner.blocks.back().data();
        to.doublings = owner.doublings.back().data();
        owner.parts.push_back(to);
    }
    owner.shift.parts = owner.parts.data();
}

ShiftSpace shift_room(const Shift &shift, int64_t steps) {
    static thread_local std::vector<float> numbers;
    static thread_local std::vector<const float *> rows;
    size_t wide = static_cast<size_t>(shift.code_size), seen = 0, most = 0;
    for (int i = 0; i < shift.branches; i++) {
        const Branch &b = shift.parts[i];
        int64_t n = steps;
        const Residual *block = b.blocks;
        const auto look = [&](const Conv &conv) {
            most = std::max(most, static_cast<size_t>(2 * n));
            wide = std::max(wide, static_cast<size_t>(2 * n) * std::max(conv.in, conv.out));
            const size_t taps = conv.dilation == 1 ? 0 : static_cast<size_t>(2 * n) * conv.taps * conv.in;
            seen = std::max(seen, static_cast<size_t>(2) * (conv.context() + n) * conv.in + taps);
        };
        look(b.first);
        for (int stage = 0; stage <= b.stages; stage++) {
            for (int k = 0; k < b.depths[stage]; k++) look((block++)->conv);
            if (stage == b.stages) break;
            look(b.doublings[stage]);
            n *= 2;
        }
        look(b.last);
    }
    wide = std::max(wide, static_cast<size_t>(2 * steps) * shift.code_size);
    float *x = at_least(numbers, 3 * wide + seen);
    return {x, x + wide, x + 2 * wide, x + 3 * wide, at_least(rows, most)};
}

static std::string names() {
    std::string found;
    for (const Kernels *kernels : usable()) found.append(kernels->name).push_back('\0');
    return found;
}

}  // namespace clutch

struct clutch_step {
    clutch::Owner owner;
};

struct clutch_shift {
    clutch::ShiftOwner owner;
};

int32_t clutch_native_version(void) { return CLUTCH_NATIVE_VERSION; }

const char *clutch_native_kernels(void) {
    try {
        static const std::string found = clutch::names();
        return found.c_str();
    } catch (...) {
        return "\0";
    }
}

clutch_step *clutch_step_open(const clutch_shape *shape, const clutch_weights *weights, const char *kernels) {
    const clutch::Kernels *found = clutch::find(kernels);
    if (!found) return nullptr;
    try {
        std::unique_ptr<clutch_step> step(new clutch_step());
        clutch::lay_out(step->owner, *shape, *weights);
        step->owner.step.kernels = found;
        return step.release();
    } catch (...) {
        return nullptr;
    }
}

void clutch_step_close(clutch_step *step) { delete step; }

int32_t clutch_step_run(const clutch_step *step, const clutch_call *call) {
    try {
        step->owner.step.kernels->run(step->owner.step, *call);
        return 0;
    } catch (...) {
        return 1;
    }
}

clutch_shift *clutch_shift_open(const clutch_shift_weights *weights, const char *kernels) {
    const clutch::Kernels *found = clutch::find(kernels);
    if (!found) return nullptr;
    try {
        std::unique_ptr<clutch_shift> shift(new clutch_shift());
        clutch::lay_out(shift->owner, *weights);
        shift->owner.shift.kernels = found;
        return shift.release();
    } catch (...) {
        return nullptr;
    }
}

void clutch_shift_close(clutch_shift *shift) { delete shift; }

int64_t clutch_shift_state(const clutch_shift *shift) { return shift->owner.state; }

int32_t clutch_shift_run(const clutch_shift *shift, const int64_t *codes, int64_t steps, float *state, float *frames) {
    try {
        shift->owner.shift.kernels->decode(shift->owner.shift, codes, steps, state, frames);
        return 0;
    } catch (...) {
        return 1;
    }
}

int32_t clutch_noise(const char *kernels, uint64_t seed, uint64_t stream, uint64_t first, int64_t steps,
                     const int32_t *sizes, int64_t count, int64_t stride, float *out) {
    try {
        const clutch::Kernels *found = clutch::find(kernels);
        if (!found) return 1;
        const uint64_t begun = clutch::folded(clutch::folded(0, seed), stream);
        for (int64_t step = 0; step < steps; step++) {
            const uint64_t hash = clutch::folded(begun, first + static_cast<uint64_t>(step));
            for (int64_t c = 0; c < count; c++, out += stride) {
                found->gumbels(clutch::folded(hash, static_cast<uint64_t>(c)), sizes[c], out);
                for (int64_t r = sizes[c]; r < stride; r++) out[r] = 0.0f;
            }
        }
        return 0;
    } catch (...) {
        return 1;
    }
}

// Python's build machinery makes an extension module of this library, which is never imported as one.
#if defined(_WIN32)
extern "C" __declspec(dllexport) void *PyInit__native(void) { return nullptr; }
#endif
