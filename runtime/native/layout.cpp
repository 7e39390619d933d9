// Matrices laid out in tiles.

#include "layout.h"

#include <cstring>

namespace clutch {

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

static std::vector<float> read(const clutch_matrix &from, size_t count) {
    std::vector<float> found(count);
    for (size_t i = 0; i < count; i++)
        found[i] = from.half ? from_half(static_cast<const uint16_t *>(from.numbers)[i])
                             : static_cast<const float *>(from.numbers)[i];
    return found;
}

Product Storage::product(const clutch_product &from, int rows, int columns, int first, int all) {
    const int quads = (rows + QUAD - 1) / QUAD, tiles = (columns + TILE - 1) / TILE;
    bytes_.emplace_back(static_cast<size_t>(tiles) * quads * TILE * QUAD + 63, int8_t{0});
    wholes_.emplace_back(columns, 0);
    int8_t *to = bytes_.back().data();
    to += (64 - reinterpret_cast<uintptr_t>(to) % 64) % 64;
    for (int k = 0; k < rows; k++)
        for (int n = 0; n < columns; n++) {
            const int level = from.levels[static_cast<size_t>(k) * all + first + n] - 128;
            const size_t group = static_cast<size_t>(n / TILE) * quads + k / QUAD;
            to[(group * TILE + n % TILE) * QUAD + k % QUAD] = static_cast<int8_t>(level);
            wholes_.back()[n] += level;
        }
    const float *bias = from.bias ? kept(from.bias + first, columns) : nullptr;
    return {rows, columns, quads, tiles, to, wholes_.back().data(), kept(from.scale + first, columns), bias};
}

Matrix32 Storage::matrix(const clutch_matrix &from, int rows, int columns) {
    const int tiles = (columns + TILE - 1) / TILE;
    const std::vector<float> all = read(from, static_cast<size_t>(rows) * columns);
    numbers_.emplace_back(static_cast<size_t>(tiles) * rows * TILE, 0.0f);
    std::vector<float> &to = numbers_.back();
    for (int k = 0; k < rows; k++)
        for (int n = 0; n < columns; n++)
            to[(static_cast<size_t>(n / TILE) * rows + k) * TILE + n % TILE] = all[static_cast<size_t>(k) * columns + n];
    return {rows, columns, tiles, to.data()};
}

const float *Storage::table(const clutch_matrix &from, size_t count) {
    numbers_.push_back(read(from, count));
    return numbers_.back().data();
}

const int32_t *Storage::wholes(const int32_t *from, size_t count) {
    wholes_.emplace_back(from, from + count);
    return wholes_.back().data();
}

const float *Storage::kept(const float *from, size_t count) {
    numbers_.emplace_back(from, from + count);
    return numbers_.back().data();
}

std::vector<int64_t> firsts_of(const int32_t *sizes, int slots) {
    std::vector<int64_t> firsts;
    int64_t first = 0;
    for (int k = 0; k < slots; k++) {
        firsts.push_back(first);
        first += sizes[k];
    }
    return firsts;
}

}  // namespace clutch
