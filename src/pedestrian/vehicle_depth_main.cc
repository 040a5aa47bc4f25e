#include "pedestrian/services.h"

int main(int argc, char** argv) {
  using namespace pollbus::pedestrian;
  return run_depth(vehicle_side(), argc, argv);
}
