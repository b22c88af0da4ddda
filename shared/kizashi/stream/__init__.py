"""The door to Kafka: Faust app, agent step, state snapshots, dead letters, batch readers, topic administration."""
