#include "election_office/commands.h"

#include <array>

namespace pollbus::election_office {
namespace {

constexpr std::size_t kManyFiles = 100;

constexpr std::array kCommands = {
    CommandSpec{"keygen", "", 0, 0, "make the office's signing key",
                "Makes office.key, which signs everything the office does, and prints the public "
                "key that all services need.\nKeep a copy of the key: without it no election that "
                "it has signed can be closed.\n",
                "", keygen},
    CommandSpec{"new", "[FILE]", 0, 1, "ask for everything and write a definition", "", "",
                new_definition},
    CommandSpec{
        "check", "FILE...", 1, kManyFiles, "check definitions, and show what they say",
        "Reports every problem with its place, a JSON pointer such as /choices/3/name/en.\n", "",
        check},
    CommandSpec{"define", "FILE...", 1, kManyFiles, "define the elections for all services",
                "A definition cannot be changed afterwards: run check first.\n", " bus ", define},
    CommandSpec{
        "roll import", "FILE", 1, 1, "load the voters from a CSV file",
        "The first line names the columns; the voter numbers are in voter_ID, or in the "
        "column that --column names.\nAll other columns stay on this computer. With any "
        "problem, nothing is imported. The roll can be replaced until\nthe election opens.\n",
        " bus election dry-run column ", import_roll},
    CommandSpec{"roll codes", "--out FILE", 0, 0, "write the mailing list of the voters' codes",
                "Writes voter_ID and code, or a copy of the roll with a column code (--roll). All "
                "elections of an event share\na voter's code.\n",
                " bus election out roll column ", write_codes},
    CommandSpec{"open", "", 0, 0, "open the voting", "", " bus election ", open},
    CommandSpec{"pause", "", 0, 0, "pause the voting", "", " bus election ", pause},
    CommandSpec{"resume", "", 0, 0, "let the voting go on", "", " bus election ", resume},
    CommandSpec{"extend", "TIME", 1, 1, "move the closing time to a later one",
                "TIME is a local time such as 2026-12-01T21:00, or +30m or +2h after the present "
                "closing time.\n",
                " bus election ", extend},
    CommandSpec{"add-voter", "NUMBER", 1, 1, "add a voter to the roll after its import",
                "With codes, prints the voter's code.\n", " bus election ", add_voter},
    CommandSpec{"close", "", 0, 0, "close the voting for good",
                "When this command has returned, no vote that is cast later counts.\n",
                " bus election yes ", close},
    CommandSpec{"seal", "", 0, 0, "wait for the last votes, then let none be added any more", "",
                " bus election ", seal},
    CommandSpec{"certify", "", 0, 0, "certify the result", "This is final.\n",
                " bus election yes language ", certify},
    CommandSpec{"status", "", 0, 0, "show the elections and what comes next", "",
                " bus election watch language ", status},
    CommandSpec{"history", "", 0, 0, "show and verify all events of an election", "",
                " bus election ", history},
    CommandSpec{"results", "", 0, 0, "show or export the results",
                "Until the election is certified, the export is named UNOFFICIAL.\n",
                " bus election format language out ", results},
};

}  // namespace

std::span<const CommandSpec> all_commands() { return kCommands; }

}  // namespace pollbus::election_office
