#include "pedestrian/services.h"

int main(int argc, char** argv) {
  using namespace pollbus::pedestrian;
  return run_location(pedestrian_side(), argc, argv);
}
