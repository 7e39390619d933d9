// The processor's kernels, noise, and the library's version.

#include <cstring>
#include <string>
#include <vector>

#if defined(_MSC_VER)
#include <immintrin.h>
#include <intrin.h>
#endif

#include "layout.h"

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
        avx2 = wide && (b >> 5 & 1) && (none[2] >> 12 & 1) && (none[2] >> 29 & 1);
        avx_vnni = avx2 && (static_cast<unsigned>(second[0]) >> 4 & 1);
        avx512_vnni = avx2 && widest && (b >> 16 & 1) && (b >> 17 & 1) && (b >> 30 & 1) && (b >> 31 & 1) && (c >> 11 & 1);
#elif defined(CLUTCH_X86)
        uint32_t a = 1, b = 0, c = 0, d = 0;
        __asm__("cpuid" : "+a"(a), "=b"(b), "+c"(c), "=d"(d));
        avx2 = __builtin_cpu_supports("avx2") && (c >> 12 & 1) && (c >> 29 & 1);  // with FMA and F16C
        a = 7, c = 1;
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

const std::vector<const Kernels *> &usable() {
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

const Kernels *find(const char *name) {
    for (const Kernels *kernels : usable())
        if (!std::strcmp(kernels->name, name)) return kernels;
    return nullptr;
}

static std::string names() {
    std::string found;
    for (const Kernels *kernels : usable()) found.append(kernels->name).push_back('\0');
    return found;
}

}  // namespace clutch

int32_t clutch_native_version(void) { return CLUTCH_NATIVE_VERSION; }

const int32_t *clutch_native_sizes(void) {
    static const int32_t sizes[] = {
        sizeof(clutch_shape),         sizeof(clutch_product), sizeof(clutch_table),  sizeof(clutch_layer),
        sizeof(clutch_choice),        sizeof(clutch_stream),  sizeof(clutch_weights), sizeof(clutch_call),
        sizeof(clutch_encoder_shape), sizeof(clutch_encoder_layer), sizeof(clutch_mlp), sizeof(clutch_plan),
        sizeof(clutch_encoder_weights), sizeof(clutch_prompt), sizeof(clutch_conv), sizeof(clutch_residual),
        sizeof(clutch_branch),        sizeof(clutch_shift_weights), sizeof(clutch_flesh), 0};
    return sizes;
}

const char *clutch_native_kernels(void) {
    try {
        static const std::string found = clutch::names();
        return found.c_str();
    } catch (...) {
        return "\0";
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
