#pragma once

#include "pedestrian/side.h"

// The main functions of the seven services. They return the exit code of the process.
namespace pollbus::pedestrian {

int run_detection(Side side, int argc, char** argv);
int run_depth(Side side, int argc, char** argv);
int run_location(Side side, int argc, char** argv);
int run_aerial_view(int argc, char** argv);

}  // namespace pollbus::pedestrian
