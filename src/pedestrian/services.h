#pragma once

#include "pedestrian/side.h"

// The seven services, each one configured by its side. They return the process's exit code.
namespace pollbus::pedestrian {

int run_detection(Side side, int argc, char** argv);
int run_depth(Side side, int argc, char** argv);
int run_location(Side side, int argc, char** argv);
int run_aerial_view(int argc, char** argv);

}  // namespace pollbus::pedestrian
