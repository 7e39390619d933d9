// A step's weights laid out, the room it computes in, and its part of the C interface.

#include <algorithm>
#include <functional>
#include <vector>

#include "layout.h"

namespace clutch {

// A step with all that its weights point into.
struct Owner {
    Step step{};
    Storage storage;
    std::vector<int64_t> firsts;
    std::vector<Layer> layers;
    std::vector<Choice> choices;
    std::vector<Product> heads;
};

// Rows of a table (vocabulary, d) as the columns of a matrix.
template <typename T>
static std::vector<T> as_columns(const void *table, const int32_t *rows, int count, int width) {
    std::vector<T> columns(static_cast<size_t>(count) * width);
    for (int n = 0; n < count; n++)
        for (int k = 0; k < width; k++)
            columns[static_cast<size_t>(k) * count + n] = static_cast<const T *>(table)[static_cast<size_t>(rows[n]) * width + k];
    return columns;
}

// The heads of the flat form, each of the rows that its slot draws from.
static void lay_out_heads(Owner &owner, const clutch_shape &shape, const clutch_stream &from) {
    const clutch_table &table = from.heads;
    for (int slot = 0; slot < shape.slots; slot++) {
        const int32_t *rows = from.choices + static_cast<size_t>(slot) * from.most;
        int count = 0;
        while (count < from.most && rows[count] >= 0) count++;
        std::vector<float> scale;
        for (int n = 0; n < count && table.scale; n++) scale.push_back(table.scale[rows[n]]);
        const auto laid_out = [&](const void *columns) {
            return owner.storage.product({columns, table.kind, scale.data(), nullptr}, shape.width, count);
        };
        if (table.kind == CLUTCH_BYTES)
            owner.heads.push_back(laid_out(as_columns<uint8_t>(table.rows, rows, count, shape.width).data()));
        else if (table.kind == CLUTCH_HALF)
            owner.heads.push_back(laid_out(as_columns<uint16_t>(table.rows, rows, count, shape.width).data()));
        else if (table.kind == CLUTCH_FLOAT)
            owner.heads.push_back(laid_out(as_columns<float>(table.rows, rows, count, shape.width).data()));
    }
    owner.step.stream = from;
    owner.step.stream.choices = owner.storage.wholes(from.choices, static_cast<size_t>(shape.slots) * from.most);
    owner.step.heads = owner.heads.data();
}

static void lay_out(Owner &owner, const clutch_shape &shape, const clutch_weights &weights) {
    const int count = weights.stream ? 0 : shape.slots + (shape.rhythm ? 1 : 0);
    const int inner = shape.heads * shape.head_width;
    if (count) owner.firsts = firsts_of(shape.sizes + count - shape.slots, shape.slots);
    for (int i = 0; i < shape.layers; i++) {
        const clutch_layer &from = weights.layers[i];
        Layer to{};
        for (int n = 0; n < 3; n++) to.norm[n] = from.norm[n];
        to.qkv = owner.storage.product(from.qkv, shape.width, 3 * inner);
        to.self_out = owner.storage.product(from.self_out, inner, shape.width);
        to.query = owner.storage.product(from.query, shape.width, inner);
        to.cross_out = owner.storage.product(from.cross_out, inner, shape.width);
        to.wi = owner.storage.product(from.wi, shape.width, shape.hidden * (shape.gated ? 2 : 1));
        to.wo = owner.storage.product(from.wo, shape.hidden, shape.width);
        owner.layers.push_back(to);
    }
    for (int k = 0; k < count; k++) {
        const clutch_choice &from = weights.choices[k];
        Choice to{};
        to.norm = from.norm;
        to.wi = owner.storage.product(from.wi, shape.width, shape.depth_hidden);
        to.wo = owner.storage.product(from.wo, shape.depth_hidden, shape.width);
        to.head = owner.storage.product(from.head, shape.width, shape.sizes[k]);
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

Space room(const Step &step, const clutch_call &call) {
    static thread_local std::vector<uint8_t> bytes;
    static thread_local std::vector<Rounding> rounding;
    static thread_local std::vector<float> numbers;
    static thread_local std::vector<const float *> pointers;
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
            x + 4 * size, x + 3 * size, x + 4 * size + rows * wide, at_least(pointers, rows)};
}

float kth_largest(const float *x, int n, int k) {
    static thread_local std::vector<float> copy;
    copy.assign(x, x + n);
    std::nth_element(copy.begin(), copy.begin() + (k - 1), copy.end(), std::greater<float>());
    return copy[k - 1];
}

}  // namespace clutch

struct clutch_step {
    clutch::Owner owner;
};

clutch_step *clutch_step_open(const clutch_shape *shape, const clutch_weights *weights, const char *kernels) {
    return clutch::opened<clutch_step>(kernels, [&](auto &owner, const clutch::Kernels &found) {
        clutch::lay_out(owner, *shape, *weights);
        owner.step.kernels = &found;
    });
}

void clutch_step_close(clutch_step *step) { delete step; }

int32_t clutch_step_run(const clutch_step *step, const clutch_call *call) {
    return clutch::failed([&] { step->owner.step.kernels->run(step->owner.step, *call); });
}
