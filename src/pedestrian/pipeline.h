#pragma once

#include <string>
#include <string_view>

// The straight pipeline on one topic (docs/pedestrian.md): a message's attribute `stage` names who
// is to process it.
namespace pollbus::pedestrian {

inline constexpr char kTopic[] = "pedestrian";
inline constexpr char kStageAttribute[] = "stage";
// Set by the producer, passed on by every stage as all attributes are: milliseconds since 1970.
inline constexpr char kSentAttribute[] = "sent_ms";
// What the view shows, for whoever would not read it out of the picture: "X,Y" in metres. Absent:
// not found.
inline constexpr char kCar1Attribute[] = "Car1_Location";
inline constexpr char kPedestrianAttribute[] = "pedestrian_Location";
// The boxes in the two cameras' images that these places come from: "x1,y1,x2,y2" in pixels.
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

// Who comes after a stage; "" after the consumer.
std::string next_stage(std::string_view name);

std::string stage_subscription(std::string_view name);
std::string stage_filter(std::string_view name);

}  // namespace pollbus::pedestrian
