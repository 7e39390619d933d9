// Matrices laid out in tiles.

#include "layout.h"

#include <algorithm>
#include <stdexcept>

namespace clutch {

static void read(const void *numbers, int kind, size_t count, float *to) {
    if (kind != CLUTCH_FLOAT && kind != CLUTCH_HALF) throw std::invalid_argument("numbers in bytes");
    for (size_t i = 0; i < count; i++)
        to[i] = kind == CLUTCH_HALF ? from_half(static_cast<const uint16_t *>(numbers)[i])
                                    : static_cast<const float *>(numbers)[i];
}

template <typename T>
const T *Storage::tiles(const T *from, int rows, int columns, int first, int all) {
    const int count = (columns + TILE - 1) / TILE;
    T *const to = arena_.zeros<T>(static_cast<size_t>(count) * rows * TILE);
    for (int k = 0; k < rows; k++)
        for (int n = 0; n < columns; n++)
            to[(static_cast<size_t>(n / TILE) * rows + k) * TILE + n % TILE] = from[static_cast<size_t>(k) * all + first + n];
    return to;
}

void Storage::bytes(Product &p, const uint8_t *from, int first, int all) {
    p.quads = (p.in + QUAD - 1) / QUAD;
    int8_t *const to = arena_.zeros<int8_t>(static_cast<size_t>(p.tiles) * p.quads * TILE * QUAD);
    int32_t *const sums = arena_.zeros<int32_t>(p.out);
    for (int k = 0; k < p.in; k++)
        for (int n = 0; n < p.out; n++) {
            const int level = from[static_cast<size_t>(k) * all + first + n] - 128;
            const size_t group = static_cast<size_t>(n / TILE) * p.quads + k / QUAD;
            to[(group * TILE + n % TILE) * QUAD + k % QUAD] = static_cast<int8_t>(level);
            sums[n] += level;
        }
    p.bytes = to;
    p.sums = sums;
}

Product Storage::product(const clutch_product &from, int rows, int columns, int first, int all) {
    Product p{};
    p.in = rows;
    p.out = columns;
    p.tiles = (columns + TILE - 1) / TILE;
    p.bias = from.bias ? kept(from.bias + first, columns) : nullptr;
    if (from.kind == CLUTCH_BYTES) {
        bytes(p, static_cast<const uint8_t *>(from.numbers), first, all);
        p.scale = kept(from.scale + first, columns);
    } else if (from.kind == CLUTCH_HALF) {
        p.halves = tiles(static_cast<const uint16_t *>(from.numbers), rows, columns, first, all);
    } else if (from.kind == CLUTCH_FLOAT) {
        p.floats = tiles(static_cast<const float *>(from.numbers), rows, columns, first, all);
    } else {
        throw std::invalid_argument("a matrix of signed bytes");
    }
    return p;
}

Product Storage::widened(const clutch_product &from, int rows, int columns) {
    std::vector<float> all(static_cast<size_t>(rows) * columns);
    read(from.numbers, from.kind, all.size(), all.data());
    return product({all.data(), CLUTCH_FLOAT, nullptr, from.bias}, rows, columns);
}

const float *Storage::table(const clutch_table &from, size_t count) {
    float *const to = arena_.zeros<float>(count);
    read(from.rows, from.kind, count, to);
    return to;
}

const int32_t *Storage::wholes(const int32_t *from, size_t count) {
    return std::copy(from, from + count, arena_.zeros<int32_t>(count)) - count;
}

const float *Storage::kept(const float *from, size_t count) {
    return std::copy(from, from + count, arena_.zeros<float>(count)) - count;
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
