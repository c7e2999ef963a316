"""The same network in Ciw, as near as it comes.

Slots are Ciw's slotted services, at the end of each week; who misses comes back at the list's end, as no
place can be kept; slots go to priority and then the longest wait, as there is no mix of disciplines; who
gives up does so at a constant rate; children on their way are in a node with servers without number.
"""

from __future__ import annotations

import ciw

from benchmarks.queues_network import (
    ACCEPTED,
    BACKLOG,
    LAG_MEAN,
    LAG_SPREAD,
    MISSED,
    ONWARD,
    OUTCOMES,
    REMOVED_LATE,
    ROUTINE,
    SLOTS,
    URGENT,
    WEEKS,
)

NAMES = list(SLOTS)
NEVER = 10.0 * WEEKS


class Onward(ciw.routing.NodeRouting):
    """Back to the list after a missed slot; else on, by the node for the way there; one edge a child."""

    def next_node(self, ind: object) -> object:
        """Where a child goes after this node."""
        name, nodes = NAMES[self.node.id_number - 1], self.simulation.nodes
        if ciw.rng.random() < MISSED[name]:
            return nodes[self.node.id_number]
        luck = ciw.rng.random()
        if name == "triage" and luck < ACCEPTED:
            return nodes[len(NAMES) + 1]
        if name == "assessment":
            for to in NAMES[2:]:
                share = sum(OUTCOMES[outcome] * edges.get(to, 0.0) for outcome, edges in ONWARD.items())
                if luck < share:
                    return nodes[len(NAMES) + NAMES.index(to)]
                luck -= share
        return nodes[-1]


def run(seed: int) -> dict[str, float]:
    """One replication."""
    ciw.seed(seed)
    slots = [ciw.Slotted(slots=[1.0], slot_sizes=[number], offset=0.9) for number in SLOTS.values()]
    ways, pools = len(NAMES) - 1, len(NAMES)
    nothing = [None] * (ways + pools - 1)
    listed = sum(number for _, number in BACKLOG)
    children = {
        "urgent": [ciw.dists.Exponential(URGENT), *nothing],
        "routine": [ciw.dists.Exponential(ROUTINE), ciw.dists.Sequential([0.0001, NEVER]), *nothing[1:]],
    }
    batches = {
        "urgent": [ciw.dists.Deterministic(1)] * (pools + ways),
        "routine": [ciw.dists.Deterministic(listed if place == 1 else 1) for place in range(pools + ways)],
    }
    way = ciw.dists.Gamma((LAG_MEAN / LAG_SPREAD) ** 2, LAG_SPREAD**2 / LAG_MEAN)
    service = [ciw.dists.Deterministic(0.0001)] * pools + [way] * ways
    patience = [ciw.dists.Exponential(REMOVED_LATE)] * pools + [None] * ways
    routing = ciw.routing.NetworkRouting(
        routers=[Onward() for _ in NAMES] + [ciw.routing.Direct(to=place + 2) for place in range(ways)]
    )
    network = ciw.create_network(
        arrival_distributions=children,
        service_distributions={"urgent": service, "routine": service},
        batching_distributions=batches,
        number_of_servers=[*slots, *[float("inf")] * ways],
        priority_classes={"urgent": 0, "routine": 1},
        reneging_time_distributions={"urgent": patience, "routine": patience},
        routing={"urgent": routing, "routine": routing},
    )
    simulation = ciw.Simulation(network)
    simulation.simulate_until_max_time(WEEKS)
    records = simulation.get_all_records()
    starts = sum(record.record_type == "service" and record.node <= pools for record in records)
    return {
        "starts": float(starts),
        "waiting": float(simulation.nodes[2].number_of_individuals),
        "removals": float(sum(record.record_type == "renege" for record in records)),
    }
