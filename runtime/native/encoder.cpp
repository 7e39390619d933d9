// The text encoder's weights laid out, the room it computes in, and its part of the C interface.

#include <algorithm>
#include <vector>

#include "layout.h"

namespace clutch {

// An encoder with all that its weights point into.
struct EncoderOwner {
    Encoder encoder{};
    Storage storage;
    std::vector<int64_t> firsts;
    std::vector<EncoderLayer> layers;
    std::vector<Product> memory;

    Mlp mlp(const clutch_mlp &from, int in, int between, int out) {
        return {storage.product(from.first, in, between), storage.product(from.second, between, out)};
    }
};

static Plan lay_out(EncoderOwner &owner, int width, const clutch_plan &from) {
    Plan to{};
    to.from = from;
    to.sizes = owner.storage.wholes(from.sizes, from.fields);
    to.from.sizes = nullptr;  // the caller's, and need not stay
    for (int f = 0; f < from.fields; f++) to.labels += to.sizes[f];
    to.keys_values = owner.storage.product(from.keys_values, width, 2 * width);
    to.head = owner.mlp(from.head, width, from.hidden, to.labels);
    to.mix[0] = owner.storage.product(from.mix[0], from.actions * width, from.mix_hidden);
    to.mix[1] = owner.storage.product(from.mix[1], from.mix_hidden, width);
    return to;
}

static void lay_out(EncoderOwner &owner, const clutch_encoder_shape &shape, const clutch_encoder_weights &weights) {
    const int inner = shape.heads * shape.head_width;
    owner.firsts = firsts_of(shape.sizes, shape.slots);
    for (int i = 0; i < shape.layers; i++) {
        const clutch_encoder_layer &from = weights.layers[i];
        EncoderLayer to{};
        for (int n = 0; n < 2; n++) to.norm[n] = from.norm[n];
        to.qkv = owner.storage.product(from.qkv, shape.width, 3 * inner);
        to.out = owner.storage.product(from.out, inner, shape.width);
        to.wi = owner.storage.product(from.wi, shape.width, shape.hidden * (shape.gated ? 2 : 1));
        to.wo = owner.storage.product(from.wo, shape.hidden, shape.width);
        owner.layers.push_back(to);
    }
    for (int part = 0; part < shape.parts; part++)
        owner.memory.push_back(
            owner.storage.product(weights.memory, shape.width, inner, part * inner, shape.parts * inner));
    Encoder &encoder = owner.encoder;
    encoder.shape = shape;
    encoder.from = weights;
    if (shape.lengths) encoder.length = owner.mlp(weights.length, shape.width, shape.length_hidden, shape.lengths);
    if (weights.plan) encoder.plan = lay_out(owner, shape.width, *weights.plan);
    encoder.from.bases = owner.storage.wholes(weights.bases, shape.slots);
    encoder.shape.sizes = nullptr;  // these are the caller's, and need not stay
    encoder.from.layers = nullptr;
    encoder.from.plan = nullptr;
    encoder.firsts = owner.firsts.data();
    encoder.layers = owner.layers.data();
    encoder.memory = owner.memory.data();
}

int read_rows(const clutch_encoder_shape &shape, const clutch_prompt &prompt) {
    return prompt.length + prompt.steps * (shape.flat ? shape.slots : 1);
}

int memory_rows(const Encoder &encoder, const clutch_prompt &prompt) {
    const bool planned = encoder.plan.labels && !prompt.steps;
    return read_rows(encoder.shape, prompt) + (planned ? encoder.plan.from.actions : 0);
}

static size_t whole_tiles(size_t columns) { return (columns + TILE - 1) / TILE * TILE; }

EncoderSpace encoder_room(const Encoder &encoder, const clutch_prompt &prompt) {
    static thread_local std::vector<uint8_t> bytes;
    static thread_local std::vector<Rounding> rounding;
    static thread_local std::vector<float> numbers;
    static thread_local std::vector<const float *> rows;
    const clutch_encoder_shape &shape = encoder.shape;
    const clutch_plan &plan = encoder.plan.from;
    const int read = read_rows(shape, prompt), inner = shape.heads * shape.head_width;
    // A plan is read and drawn for all its actions, whether they are shown or not.
    const size_t count = read + (encoder.plan.labels ? plan.actions : 0);
    const int narrow = std::max({shape.width, inner, encoder.plan.labels});
    int wide = std::max({narrow, 3 * inner, shape.hidden * (shape.gated ? 2 : 1), shape.length_hidden});
    if (encoder.plan.labels) wide = std::max({wide, 2 * shape.width, plan.hidden, plan.mix_hidden});
    const size_t head = std::max(shape.head_width, encoder.plan.labels ? shape.width / plan.heads : 0);
    const size_t size = count * narrow, square = static_cast<size_t>(read) * read;
    const size_t keys = head * whole_tiles(read), values = whole_tiles(head) * read;
    float *x = at_least(numbers, 4 * size + count * wide + square + keys + values + 2 * read);
    float *scores = x + 4 * size + count * wide, *after = scores + square;
    const Space own{at_least(bytes, count * (wide + QUAD)), at_least(rounding, count), x, x + size, x + 2 * size,
                    x + 4 * size, x + 3 * size, scores, at_least(rows, count)};
    return {own, after, after + keys, after + keys + values};
}

}  // namespace clutch

struct clutch_encoder {
    clutch::EncoderOwner owner;
};

clutch_encoder *clutch_encoder_open(const clutch_encoder_shape *shape, const clutch_encoder_weights *weights,
                                    const char *kernels) {
    return clutch::opened<clutch_encoder>(kernels, [&](auto &owner, const clutch::Kernels &found) {
        clutch::lay_out(owner, *shape, *weights);
        owner.encoder.kernels = &found;
    });
}

void clutch_encoder_close(clutch_encoder *encoder) { delete encoder; }

int32_t clutch_encoder_memory(const clutch_encoder *encoder, int32_t length, int32_t steps) {
    clutch_prompt prompt{};
    prompt.length = length;
    prompt.steps = steps;
    return clutch::memory_rows(encoder->owner.encoder, prompt);
}

int32_t clutch_encoder_run(const clutch_encoder *encoder, const clutch_prompt *prompt) {
    return clutch::failed([&] { encoder->owner.encoder.kernels->encode(encoder->owner.encoder, *prompt); });
}
