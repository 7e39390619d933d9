// All that runs on kernels. Included once by each set of kernels, inside a namespace of its own and behind the pragma that
// says for which instructions it is compiled; no header may be included here. A set defines, before:
//
//   template <int R> void tile_product(const uint8_t *const *x, const int8_t *w, int quads, int32_t (*sums)[TILE])
//   template <int R, typename W> void tile_numbers(const float *const *x, const W *w, int rows, float (*sums)[TILE])
//
// the sums of one tile of columns for R rows of bytes, and of float32 by weights W, in float32 or float16; of these each
// column adds up its rows in turn, every product fused with its sum. Nothing else is fused, whatever the compiler can.
//
// All sums of float32 go over LANES partial sums in one order, so that every set gives the same bits.

#include "lanes.h"
#include "noise_body.h"
#include "products_body.h"
#include "layers_body.h"
#include "step_body.h"
#include "encoder_body.h"
#include "shift_body.h"

template <int R, typename W>
inline bool numbers_are_right(const float *const *x, const W *w, const float *widened, int rows) {
    float sums[R][TILE];
    tile_numbers<R>(x, w, rows, sums);
    for (int r = 0; r < R; r++)
        for (int n = 0; n < TILE; n++) {
            float total = 0.0f;
            for (int k = 0; k < rows; k++) total = std::fma(x[r][k], widened[k * TILE + n], total);
            if (total != sums[r][n]) return false;
        }
    return true;
}

template <int R>
inline bool sums_are_right() {
    constexpr int QUADS = 5;
    uint8_t x[R][QUADS * QUAD];
    alignas(64) int8_t w[QUADS * TILE * QUAD];
    const uint8_t *rows[R];
    int32_t sums[R][TILE];
    for (int r = 0; r < R; r++) {
        rows[r] = x[r];
        for (int k = 0; k < QUADS * QUAD; k++) x[r][k] = static_cast<uint8_t>(255 - 13 * k * (r + 1));
    }
    for (int i = 0; i < QUADS * TILE * QUAD; i++) w[i] = static_cast<int8_t>(i * i + 127);
    tile_product<R>(rows, w, QUADS, sums);
    float floats[QUADS * TILE], widened[QUADS * TILE], ones[R][QUADS];
    uint16_t halves[QUADS * TILE];
    const float *number_rows[R];
    for (int i = 0; i < QUADS * TILE; i++) {
        floats[i] = static_cast<float>(w[i]) * 0.37f;
        halves[i] = static_cast<uint16_t>((i * 0x9E37) & 0xBFFF);  // of all sizes but the largest
        widened[i] = from_half(halves[i]);
    }
    for (int r = 0; r < R; r++) {
        number_rows[r] = ones[r];
        for (int k = 0; k < QUADS; k++) ones[r][k] = static_cast<float>(x[r][k]) / 7.0f;
    }
    if (!numbers_are_right<R>(number_rows, floats, floats, QUADS)) return false;
    if (!numbers_are_right<R>(number_rows, halves, widened, QUADS)) return false;
    for (int r = 0; r < R; r++)
        for (int n = 0; n < TILE; n++) {
            int32_t sum = 0;
            for (int k = 0; k < QUADS * QUAD; k++) sum += x[r][k] * w[(k / QUAD * TILE + n) * QUAD + k % QUAD];
            if (sum != sums[r][n]) return false;
        }
    return true;
}

// Partial sums are halved until one is left, by shuffles too.
inline bool totals_are_right() {
    Lanes sums[LANES];
    float wanted[LANES];
    for (int l = 0; l < LANES; l++) {
        float rest[LANES];
        for (int i = 0; i < LANES; i++) rest[i] = static_cast<float>((l * LANES + i) * 7919 % 1009) / 7.0f;
        sums[l] = taken(rest);
        for (int width = LANES / 2; width; width /= 2)
            for (int i = 0; i < width; i++) rest[i] += rest[i + width];
        wanted[l] = rest[0];
        if (total(sums[l]) != wanted[l]) return false;
    }
    const Lanes found = totals(sums);
    for (int l = 0; l < LANES; l++)
        if (found[l] != wanted[l]) return false;
    return true;
}

// Numbers are summed as plain C++ sums them, and float32 is rounded after every operation.
bool right() {
    const bool rounds = rounded(2.5f) == 2.0f && rounded(3.5f) == 4.0f && rounded(-0.75f) == -1.0f;
    return rounds && totals_are_right() && sums_are_right<1>() && sums_are_right<2>() && sums_are_right<3>() && sums_are_right<ROWS>();
}
