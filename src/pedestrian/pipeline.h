#pragma once

#include <string>
#include <string_view>

// The stages of the pipeline (docs/pedestrian.md). All share one topic; the attribute `stage` of a
// message names the stage that processes it next.
namespace pollbus::pedestrian {

inline constexpr char kTopic[] = "pedestrian";
inline constexpr char kStageAttribute[] = "stage";
// When the producer published the record, in milliseconds since 1970. Stages pass attributes on.
inline constexpr char kSentAttribute[] = "sent_ms";
// The places that the view shows, "X,Y" in metres, for programs that do not read pictures. Absent
// when not found.
inline constexpr char kCar1Attribute[] = "Car1_Location";
inline constexpr char kPedestrianAttribute[] = "pedestrian_Location";
// The boxes in the camera images from which these places were computed: "x1,y1,x2,y2" in pixels.
inline constexpr char kCar1BoxAttribute[] = "Car1_Box";
inline constexpr char kPedestrianBoxAttribute[] = "pedestrian_Box";

namespace stage {
inline constexpr char kPedestrianDetection[] = "pedestrian-detection";
inline constexpr char kPedestrianDepth[] = "pedestrian-depth";
inline constexpr char kPedestrianLocation[] = "pedestrian-location";
inline constexpr char kVehicleDetection[] = "vehicle-detection";
inline constexpr char kVehicleDepth[] = "vehicle-depth";
inline constexpr char kVehicleLocation[] = "vehicle-location";
inline constexpr char kAerialView[] = "aerial-view";
inline constexpr char kConsumer[] = "pedestrian-consumer";
}  // namespace stage

// The stage after this one; "" for the consumer, which is the last.
std::string next_stage(std::string_view name);

std::string stage_subscription(std::string_view name);
std::string stage_filter(std::string_view name);

}  // namespace pollbus::pedestrian
