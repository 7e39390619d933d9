// Matrices laid out in tiles.

#include "layout.h"

#include <stdexcept>

namespace clutch {

static std::vector<float> read(const void *numbers, int kind, size_t count) {
    if (kind != CLUTCH_FLOAT && kind != CLUTCH_HALF) throw std::invalid_argument("numbers in bytes");
    std::vector<float> found(count);
    for (size_t i = 0; i < count; i++)
        found[i] = kind == CLUTCH_HALF ? from_half(static_cast<const uint16_t *>(numbers)[i])
                                       : static_cast<const float *>(numbers)[i];
    return found;
}

template <typename T>
const T *Storage::tiles(const T *from, int rows, int columns, int first, int all, std::vector<std::vector<T>> &kept) {
    const int count = (columns + TILE - 1) / TILE;
    kept.emplace_back(static_cast<size_t>(count) * rows * TILE, T{});
    std::vector<T> &to = kept.back();
    for (int k = 0; k < rows; k++)
        for (int n = 0; n < columns; n++)
            to[(static_cast<size_t>(n / TILE) * rows + k) * TILE + n % TILE] = from[static_cast<size_t>(k) * all + first + n];
    return to.data();
}

void Storage::bytes(Product &p, const uint8_t *from, int first, int all) {
    p.quads = (p.in + QUAD - 1) / QUAD;
    bytes_.emplace_back(static_cast<size_t>(p.tiles) * p.quads * TILE * QUAD + 63, int8_t{0});
    wholes_.emplace_back(p.out, 0);
    int8_t *to = bytes_.back().data();
    to += (64 - reinterpret_cast<uintptr_t>(to) % 64) % 64;
    for (int k = 0; k < p.in; k++)
        for (int n = 0; n < p.out; n++) {
            const int level = from[static_cast<size_t>(k) * all + first + n] - 128;
            const size_t group = static_cast<size_t>(n / TILE) * p.quads + k / QUAD;
            to[(group * TILE + n % TILE) * QUAD + k % QUAD] = static_cast<int8_t>(level);
            wholes_.back()[n] += level;
        }
    p.bytes = to;
    p.sums = wholes_.back().data();
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
        p.halves = tiles(static_cast<const uint16_t *>(from.numbers), rows, columns, first, all, halves_);
    } else if (from.kind == CLUTCH_FLOAT) {
        p.floats = tiles(static_cast<const float *>(from.numbers), rows, columns, first, all, numbers_);
    } else {
        throw std::invalid_argument("a matrix of signed bytes");
    }
    return p;
}

Product Storage::widened(const clutch_product &from, int rows, int columns) {
    const std::vector<float> all = read(from.numbers, from.kind, static_cast<size_t>(rows) * columns);
    return product({all.data(), CLUTCH_FLOAT, nullptr, from.bias}, rows, columns);
}

const float *Storage::table(const clutch_table &from, size_t count) {
    numbers_.push_back(read(from.rows, from.kind, count));
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
