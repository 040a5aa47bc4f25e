#include "pedestrian/services.h"

int main(int argc, char** argv) {
  using namespace pollbus::pedestrian;
  return run_aerial_view(argc, argv);
}
