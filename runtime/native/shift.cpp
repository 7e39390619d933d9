// SHIFT's weights laid out, the room its decoder computes in, and its part of the C interface.

#include <algorithm>
#include <vector>

#include "layout.h"

namespace clutch {

// A decoder of SHIFT with all that it points into.
struct ShiftOwner {
    Shift shift{};
    Storage storage;
    std::vector<std::vector<const float *>> tables;
    std::vector<std::vector<Residual>> blocks;
    std::vector<std::vector<Conv>> doublings;
    std::vector<Branch> parts;
    int64_t state = 0;

    Conv lay_out(const clutch_conv &from) {
        return {storage.widened(from.product, from.taps * from.in, from.out), from.taps, from.dilation, from.in, from.out};
    }

    void keep(const Conv &conv) { state += HANDS * static_cast<int64_t>(conv.context()) * conv.in; }
};

static void lay_out(ShiftOwner &owner, const clutch_shift_weights &from) {
    owner.shift = {from.branches, from.slots, from.code_size, from.epsilon, nullptr, from.scale, from.offset, nullptr};
    for (int i = 0; i < from.branches; i++) {
        const clutch_branch &part = from.parts[i];
        Branch to{};
        to.levels = part.levels;
        owner.tables.emplace_back();
        const size_t size = static_cast<size_t>(part.codes) * from.code_size;
        for (int level = 0; level < part.levels; level++)
            owner.tables.back().push_back(owner.storage.table(part.tables[level], size));
        to.tables = owner.tables.back().data();
        to.slots = owner.storage.wholes(part.slots, HANDS * part.levels);
        to.place = part.place;
        to.channels = part.channels;
        to.norm = part.norm;
        to.stages = part.stages;
        to.depths = owner.storage.wholes(part.depths, part.stages + 1);
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
            most = std::max(most, static_cast<size_t>(HANDS * n));
            wide = std::max(wide, static_cast<size_t>(HANDS * n) * std::max(conv.in, conv.out));
            const size_t taps = conv.dilation == 1 ? 0 : static_cast<size_t>(HANDS * n) * conv.taps * conv.in;
            seen = std::max(seen, static_cast<size_t>(HANDS) * (conv.context() + n) * conv.in + taps);
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
    wide = std::max(wide, static_cast<size_t>(HANDS * steps) * shift.code_size);
    float *x = at_least(numbers, 3 * wide + seen);
    return {x, x + wide, x + 2 * wide, x + 3 * wide, at_least(rows, most)};
}

}  // namespace clutch

struct clutch_shift {
    clutch::ShiftOwner owner;
};

clutch_shift *clutch_shift_open(const clutch_shift_weights *weights, const char *kernels) {
    return clutch::opened<clutch_shift>(kernels, [&](auto &owner, const clutch::Kernels &found) {
        clutch::lay_out(owner, *weights);
        owner.shift.kernels = &found;
    });
}

void clutch_shift_close(clutch_shift *shift) { delete shift; }

int64_t clutch_shift_state(const clutch_shift *shift) { return shift->owner.state; }

int32_t clutch_shift_run(const clutch_shift *shift, const int64_t *codes, int64_t steps, float *state, float *frames) {
    return clutch::failed([&] { shift->owner.shift.kernels->decode(shift->owner.shift, codes, steps, state, frames); });
}
