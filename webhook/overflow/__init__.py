"""The overflow controller: opens the virtual node to pods that have been Unschedulable for a while."""
