// Hands that are deeper in each other than flesh gives are moved apart: clutch_rt.flesh, frame by frame.

#include <cmath>
#include <vector>

#include "weights.h"

namespace clutch {

constexpr int JOINTS = 16, TIPS = 5, TRANSLATION = 6, POSE = 9, SIXD = 6;

struct Vector {
    double x, y, z;
};

static Vector operator+(Vector a, Vector b) { return {a.x + b.x, a.y + b.y, a.z + b.z}; }
static Vector operator-(Vector a, Vector b) { return {a.x - b.x, a.y - b.y, a.z - b.z}; }
static Vector operator*(double s, Vector a) { return {s * a.x, s * a.y, s * a.z}; }
static double dot(Vector a, Vector b) { return a.x * b.x + a.y * b.y + a.z * b.z; }
static Vector at(const double *v) { return {v[0], v[1], v[2]}; }

static Vector unit(Vector a) {
    const double length = std::sqrt(dot(a, a));
    return (1.0 / (length > 1e-12 ? length : 1e-12)) * a;
}

// A rotation by its columns.
struct Matrix {
    Vector a, b, c;

    Vector operator*(Vector v) const { return v.x * a + v.y * b + v.z * c; }
    Matrix operator*(const Matrix &m) const { return {*this * m.a, *this * m.b, *this * m.c}; }
};

// Gram-Schmidt of two columns.
static Matrix rotation(const double *sixd) {
    const Vector a = unit(at(sixd)), second = at(sixd + 3), b = unit(second - dot(a, second) * a);
    return {a, b, {a.y * b.z - a.z * b.y, a.z * b.x - a.x * b.z, a.x * b.y - a.y * b.x}};
}

// Centres of a hand's spheres, its numbers being a right hand's.
static void centres(const clutch_flesh &flesh, const double *hand, Vector *points) {
    Matrix turned[JOINTS];
    turned[0] = rotation(hand);
    points[0] = at(hand + TRANSLATION);
    for (int j = 1; j < JOINTS + TIPS; j++) {
        const int above = flesh.parents[j];
        points[j] = points[above] + turned[above] * (at(flesh.rest + 3 * j) - at(flesh.rest + 3 * above));
        if (j < JOINTS) turned[j] = turned[above] * rotation(hand + POSE + SIXD * (j - 1));
    }
    for (int i = JOINTS + TIPS; i < flesh.spheres; i++) {
        const int joint = flesh.joints[i - JOINTS - TIPS];
        const double share = flesh.shares[i - JOINTS - TIPS];
        points[i] = (1.0 - share) * points[flesh.parents[joint]] + share * points[joint];
    }
}

static void bounds(const Vector *points, int n, Vector &low, Vector &high) {
    low = high = points[0];
    for (int i = 1; i < n; i++) {
        const Vector &p = points[i];
        low = {std::fmin(low.x, p.x), std::fmin(low.y, p.y), std::fmin(low.z, p.z)};
        high = {std::fmax(high.x, p.x), std::fmax(high.y, p.y), std::fmax(high.z, p.z)};
    }
}

static bool boxes_meet(const clutch_flesh &flesh, const Vector *left, const Vector *right) {
    Vector a, b, c, d;
    bounds(left, flesh.spheres, a, b);
    bounds(right, flesh.spheres, c, d);
    double most = 0.0;
    for (int i = 0; i < flesh.spheres; i++) most = std::fmax(most, flesh.radii[i]);
    const Vector one = a - d, other = c - b;
    const double gap = std::fmax(std::fmax(std::fmax(one.x, other.x), std::fmax(one.y, other.y)),
                                 std::fmax(one.z, other.z));
    return gap < 2.0 * most;
}

// How the right hand must move against the left; false where no pair is too deep.
static bool way_out(const clutch_flesh &flesh, const Vector *left, const Vector *right, Vector &moved) {
    moved = {0.0, 0.0, 0.0};
    bool deep = false;
    for (int round = 0; round < flesh.rounds; round++) {
        Vector push = {0.0, 0.0, 0.0};
        double depths = 0.0;
        for (int i = 0; i < flesh.spheres; i++)
            for (int j = 0; j < flesh.spheres; j++) {
                const double reach = flesh.radii[i] + flesh.radii[j] - flesh.give;
                const Vector now = right[j] - left[i] + moved;
                const double square = dot(now, now);
                if (reach <= 0.0 || square >= reach * reach) continue;
                const double distance = std::sqrt(square), depth = reach - distance;
                push = push + depth * depth / std::fmax(distance, flesh.least) * now;
                depths += depth;
            }
        if (depths == 0.0) return deep;
        deep = true;
        moved = moved + flesh.stride / std::fmax(depths, flesh.least) * push;
    }
    return deep;
}

// Whether a frame's hands were moved.
static bool part(const clutch_flesh &flesh, float *frame, std::vector<Vector> &points) {
    double hands[HANDS][NUMBERS];
    Vector middle[HANDS];
    for (int side = 0; side < HANDS; side++) {
        for (int i = 0; i < NUMBERS; i++)
            hands[side][i] = frame[side * NUMBERS + i] * (side == 0 ? flesh.signs[i] : 1.0);
        // A right hand's fingers lie on the negative x axis of its wrist.
        middle[side] = at(hands[side] + TRANSLATION) - flesh.centre * unit(at(hands[side]));
    }
    middle[0].x = -middle[0].x;
    const Vector between = middle[1] - middle[0];
    if (!(dot(between, between) < 4.0 * flesh.extent * flesh.extent)) return false;
    Vector *left = points.data(), *right = left + flesh.spheres, moved;
    centres(flesh, hands[0], left);
    centres(flesh, hands[1], right);
    for (int i = 0; i < flesh.spheres; i++) left[i].x = -left[i].x;
    if (!boxes_meet(flesh, left, right) || !way_out(flesh, left, right, moved)) return false;
    const double half[3] = {0.5 * moved.x, 0.5 * moved.y, 0.5 * moved.z};
    for (int i = 0; i < 3; i++) {
        frame[TRANSLATION + i] -= static_cast<float>(half[i]);
        frame[NUMBERS + TRANSLATION + i] += static_cast<float>(half[i]);
    }
    return true;
}

}  // namespace clutch

int64_t clutch_part_hands(const clutch_flesh *flesh, float *frames, int64_t n) {
    try {
        std::vector<clutch::Vector> points(2 * static_cast<size_t>(flesh->spheres));
        int64_t moved = 0;
        for (int64_t t = 0; t < n; t++) moved += clutch::part(*flesh, frames + t * clutch::HANDS * clutch::NUMBERS, points);
        return moved;
    } catch (...) {
        return -1;
    }
}
