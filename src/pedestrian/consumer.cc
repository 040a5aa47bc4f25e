#include "pedestrian/consumer.h"

#include "base/logging.h"
#include "base/metrics.h"
#include "base/status.h"
#include "pedestrian/images.h"
#include "pedestrian/pipeline.h"
#include "pedestrian/record.h"
#include "pedestrian/texts.h"

namespace pollbus::pedestrian {
namespace {

constexpr char kPictureField[] = "aerialView";
constexpr std::string_view kPngSignature = "\x89PNG\r\n\x1a\n";

prometheus::Counter& views_counter(prometheus::Registry& metrics, const char* outcome) {
  return counter(metrics, "pollbus_views_total", "Views by what became of them",
                 {{"outcome", outcome}});
}

std::optional<Point> place_of(std::string_view attribute) {
  const auto xy = split(attribute, ',');
  return xy.size() == 2 ? to_point(xy[0], xy[1]) : std::nullopt;
}

absl::StatusOr<std::string> picture_of(const Record& record) {
  ASSIGN_OR_RETURN(const auto text, record.text(kPictureField));
  std::string picture;
  if (decode_base64(text, &picture) && picture.starts_with(kPngSignature)) return picture;
  return absl::InvalidArgumentError(std::string(kPictureField) + ": expected a PNG in base64");
}

std::optional<Box> box_of(std::string_view attribute) {
  const auto corners = split(attribute, ',');
  if (corners.size() != 4) return std::nullopt;
  const auto upper_left = to_point(corners[0], corners[1]);
  const auto lower_right = to_point(corners[2], corners[3]);
  if (!upper_left || !lower_right) return std::nullopt;
  return Box{upper_left->x, upper_left->y, lower_right->x, lower_right->y};
}

View view_of(const Record& record, const ReceivedMessage& message, WallTime now) {
  View view{.timestamp = record.timestamp(),
            .car1 = place_of(message.attribute(kCar1Attribute)),
            .pedestrian = place_of(message.attribute(kPedestrianAttribute)),
            .car1_box = box_of(message.attribute(kCar1BoxAttribute)),
            .pedestrian_box = box_of(message.attribute(kPedestrianBoxAttribute))};
  if (const auto sent_ms = to_number(message.attribute(kSentAttribute))) {
    const std::chrono::duration<double, std::milli> since_1970 = now.time_since_epoch();
    view.latency_ms = since_1970.count() - *sent_ms;
  }
  return view;
}

}  // namespace

Consumer::Consumer(Parts parts, std::function<void(const View&)> on_view,
                   prometheus::Registry& metrics)
    : parts_(parts),
      inbound_({{kStageAttribute, stage::kConsumer}}, metrics),
      on_view_(std::move(on_view)),
      saved_(views_counter(metrics, "saved")),
      repeated_(views_counter(metrics, "there already")),
      rejected_(views_counter(metrics, "rejected")) {}

std::vector<Verdict> Consumer::handle(std::span<const ReceivedMessage> batch,
                                      std::stop_token stop) {
  std::vector<Verdict> verdicts(batch.size(), Verdict::kNack);
  Outgoing outgoing;
  for (std::size_t i = 0; i < batch.size(); ++i) {
    const ReceivedMessage& message = batch[i];
    verdicts[i] = Verdict::kAck;
    if (inbound_.is_stray(message)) continue;
    const auto record = Record::parse(message.data);
    if (record.ok() && parts_.store.has(record->timestamp())) {
      repeated_.Increment();
      continue;
    }
    View view;
    const auto pictures = record.ok() ? pictures_of(*record, message, &view) : record.status();
    if (!pictures.ok()) {
      rejected_.Increment();
      inbound_.reject(std::string(pictures.status().message()), message, std::nullopt, &outgoing);
    } else if (!save(view, *pictures, stop)) {
      verdicts[i] = Verdict::kNack;
    }
  }
  if (!parts_.outbox.publish(outgoing, stop))
    return std::vector<Verdict>(batch.size(), Verdict::kNack);
  return verdicts;
}

absl::StatusOr<Pictures> Consumer::pictures_of(const Record& record, const ReceivedMessage& message,
                                               View* view) const {
  ASSIGN_OR_RETURN(auto picture, picture_of(record));
  *view = view_of(record, message, parts_.clock.wall_now());
  return parts_.presenter.present(*view, std::move(picture));
}

bool Consumer::save(const View& view, const Pictures& pictures, std::stop_token stop) {
  // A full disk is a passing trouble: the view is kept until it can be written.
  if (!parts_.folder.hold_until_ok(stop, [&] { return parts_.store.save(view, pictures); }))
    return false;
  saved_.Increment();
  on_view_(view);
  return true;
}

}  // namespace pollbus::pedestrian
