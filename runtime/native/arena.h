// Memory that weights stay in. For plain C++ alone: no set of kernels includes it.

#ifndef CLUTCH_ARENA_H
#define CLUTCH_ARENA_H

#include <cstddef>
#include <vector>

namespace clutch {

// Zeros that go with the arena, in pages of 2 MB where Linux gives them: a product reads its matrix from end to end, and
// in pages of 4 KB the processor would look up a page's place after every 64 cache lines.
class Arena {
public:
    Arena() = default;
    Arena(const Arena &) = delete;
    Arena &operator=(const Arena &) = delete;
    ~Arena();

    // At a multiple of 64 bytes, so that no vector of 512 bits is in two cache lines; throws std::bad_alloc.
    template <typename T>
    T *zeros(size_t count) {
        return static_cast<T *>(take(count * sizeof(T)));
    }

private:
    void *take(size_t size);

    struct Block {
        void *start;
        size_t size;
    };
    std::vector<Block> blocks_;
    char *next_ = nullptr;
    size_t left_ = 0;
};

}  // namespace clutch

#endif
